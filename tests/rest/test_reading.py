"""Reading at both doors: the same basket."""

from typing import Any

from tests.support.rest import rest
from tests.support.service import Service, number_in

READ = """
query Read($segment: Int) {
  activeBasket(segmentRemoteId: $segment) {
    id totalAmount totalQuantity segmentRemoteId
    items {
      totalAmount price quantity productRemoteId
      divisions { division { id name erpCode } quantity }
      product { sku name price currency variants productImage }
    }
  }
}
"""


def as_rest(basket: dict[str, Any]) -> dict[str, Any]:
    """Writes a basket of GraphQL, whose products are described completely, as the REST interface does."""
    return {
        "id": int(number_in(basket["id"])),
        "total_amount": basket["totalAmount"],
        "total_quantity": basket["totalQuantity"],
        "basket_items": [item_as_rest(item) for item in basket["items"]],
        "segment_remote_id": basket["segmentRemoteId"],
    }


def item_as_rest(item: dict[str, Any]) -> dict[str, Any]:
    """Writes an item of GraphQL as the REST interface does."""
    product, parts = item["product"], item["divisions"]
    return {
        "total_amount": item["totalAmount"],
        "price": item["price"],
        "quantity": item["quantity"],
        "divisions": [
            {
                "id": int(number_in(part["division"]["id"])),
                "name": part["division"]["name"],
                "erp_code": part["division"]["erpCode"],
                "quantity": part["quantity"],
            }
            for part in parts
        ],
        "product": {
            "sku": product["sku"],
            "name": product["name"],
            "price": product["price"],
            "currency": product["currency"],
            "variants": product["variants"],
            "product_image": product["productImage"],
        },
        "product_remote_id": item["productRemoteId"],
    }


async def fill(service: Service, *, segment: int | None) -> None:
    """Adds 20 products, each for two divisions."""
    for pk in range(101, 121):
        service.shop.sell(
            pk,
            f"{pk}.{pk % 100:02d}",
            name=f'Ürün {pk} "½"',
            attributes={"size": str(pk), "color": "red"},
        )
    items = [
        {"productRemoteId": pk, "divisionErpCode": erp_code, "quantity": pk % 7 + 1}
        for erp_code in ("ERP02", "ERP01")
        for pk in range(120, 100, -1)
    ]
    await service.main.accepted("basketItemsAdd", items=items, segmentRemoteId=segment)


async def test_both_doors_show_the_same_basket(service: Service) -> None:
    for segment, path in ((None, "basket/"), (5, "basket/?segment_remote_id=5")):
        await fill(service, segment=segment)
        read = (await service.main.query(READ, segment=segment))["activeBasket"]
        assert len(read["items"]) == 20
        assert await rest(service).accepted("GET", path) == as_rest(read)
