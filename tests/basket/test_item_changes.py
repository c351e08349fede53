"""Items that are updated, removed, cleared and read in pages."""

from tests.support.lines import line
from tests.support.service import Service


async def test_updating_sets_the_quantity_of_one_division(service: Service) -> None:
    await service.main.accepted(
        "basketItemsAdd", items=[line(quantity=5), line(division="ERP02", quantity=2)]
    )
    one = service.division("ERP01")
    basket = await service.main.accepted(
        "basketItemUpdate", productRemoteId=1, divisionId=one, quantity=1
    )
    assert (basket["totalQuantity"], basket["version"]) == (3, 2)
    three = service.division("ERP03")
    basket = await service.main.accepted(
        "basketItemUpdate", productRemoteId=1, divisionId=three, quantity=4
    )
    assert [part["quantity"] for part in basket["items"][0]["divisions"]] == [1, 2, 4]


async def test_an_item_without_divisions_is_gone(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    one = service.division("ERP01")
    basket = await service.main.accepted(
        "basketItemUpdate", productRemoteId=1, divisionId=one, quantity=0
    )
    assert [item["productRemoteId"] for item in basket["items"]] == [2]


async def test_updating_what_is_not_there_is_rejected(service: Service) -> None:
    one, two = service.division("ERP01"), service.division("ERP02")
    update = {"productRemoteId": 1, "divisionId": one, "quantity": 1}
    assert await service.main.rejected("basketItemUpdate", **update) == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    rejected = service.main.rejected
    assert await rejected(
        "basketItemUpdate", productRemoteId=2, divisionId=one, quantity=1
    ) == [("PRODUCT_NOT_IN_BASKET", ["productRemoteId"])]
    assert await rejected(
        "basketItemUpdate", productRemoteId=1, divisionId=two, quantity=0
    ) == [("PRODUCT_NOT_IN_BASKET", ["divisionId"])]
    assert await rejected(
        "basketItemUpdate", productRemoteId=1, divisionId=one, quantity=-1
    ) == [("INVALID_QUANTITY", ["quantity"])]
    assert await rejected(
        "basketItemUpdate",
        productRemoteId=1,
        divisionId=service.division("ERP04"),
        quantity=1,
    ) == [("DIVISION_INACTIVE", ["divisionId"])]
    assert await rejected(
        "basketItemUpdate", productRemoteId=1, divisionId="99999999999", quantity=1
    ) == [("DIVISION_NOT_FOUND", ["divisionId"])]


async def test_removing_takes_a_product_away_for_all_divisions(service: Service) -> None:
    await service.main.accepted(
        "basketItemsAdd", items=[line(1), line(1, "ERP02"), line(2)]
    )
    basket = await service.main.accepted("basketItemRemove", productRemoteId=1)
    assert ([item["productRemoteId"] for item in basket["items"]], basket["version"]) == (
        [2],
        2,
    )
    assert await service.main.rejected("basketItemRemove", productRemoteId=1) == [
        ("PRODUCT_NOT_IN_BASKET", ["productRemoteId"])
    ]


async def test_clearing_leaves_an_empty_active_basket(service: Service) -> None:
    assert await service.main.rejected("basketClear") == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    before = await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    basket = await service.main.accepted("basketClear")
    assert (basket["id"], basket["items"], basket["version"]) == (before["id"], [], 2)
    assert await service.main.rejected("basketClear", segmentRemoteId=0) == [
        ("INVALID_INPUT", ["segmentRemoteId"])
    ]


async def test_items_come_a_page_at_a_time(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2), line(3)])
    document = """query Page($after: String) { activeBasket { item(productRemoteId: 2) { price }
      itemsPage(first: 2, after: $after) { totalCount edges { cursor node { productRemoteId } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    first = (await service.main.query(document, after=None))["activeBasket"]
    page = first["itemsPage"]
    assert first["item"] == {"price": "20.00"}
    assert [edge["node"]["productRemoteId"] for edge in page["edges"]] == [1, 2]
    assert (
        page["totalCount"],
        page["pageInfo"]["hasNextPage"],
        page["pageInfo"]["hasPreviousPage"],
    ) == (
        3,
        True,
        False,
    )
    last = (await service.main.query(document, after=page["pageInfo"]["endCursor"]))[
        "activeBasket"
    ]["itemsPage"]
    assert [edge["node"]["productRemoteId"] for edge in last["edges"]] == [3]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (
        False,
        True,
    )
