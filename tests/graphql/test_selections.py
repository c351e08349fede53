"""Selections that are read by other names, through fragments, or by one of several keys."""

from tests.support.service import Service


async def test_items_behind_fragments_and_aliases_are_read(service: Service) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]
    await service.main.accepted("basketItemsAdd", items=items)
    document = """
      query Read { activeBasket { ...A } totals: activeBasket { totalQuantity } }
      fragment A on Basket { ... on Basket { ...B } }
      fragment B on Basket { __typename mine: items { quantity } }
    """
    assert await service.main.query(document) == {
        "activeBasket": {"__typename": "Basket", "mine": [{"quantity": 1}]},
        "totals": {"totalQuantity": 1},
    }


async def test_a_product_is_described_by_one_of_its_keys(service: Service) -> None:
    fields = "remoteId sku name price currency variants productImage inStock"
    expected = {
        "remoteId": 3,
        "sku": "SKU03",
        "name": "product name",
        "price": "10.00",
        "currency": "try",
        "variants": {"color": "red"},
        "productImage": "http://example.com/image.jpg",
        "inStock": True,
    }
    assert await service.main.query(f"{{ product(remoteId: 3) {{ {fields} }} }}") == {
        "product": expected
    }
    assert await service.main.query(f'{{ product(sku: "SKU03") {{ {fields} }} }}') == {
        "product": expected
    }
    assert service.shop.requests == ["/product/3/"]
    assert await service.main.query('{ product(sku: "NONE") { sku } }') == {"product": None}
    for arguments in ("", '(remoteId: 3, sku: "SKU03")'):
        content = (await service.main.post(f"{{ product{arguments} {{ sku }} }}")).json()
        assert content["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}
    service.shop.is_down = True
    content = (await service.main.post("{ product(remoteId: 2) { sku } }")).json()
    assert (content["data"], content["errors"][0]["extensions"]) == (
        {"product": None},
        {"code": "COMMERCE_UNAVAILABLE"},
    )
