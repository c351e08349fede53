"""The worked example of the documented REST service, step by step, as acceptance test."""

from typing import Any

from tests.support.service import Service


async def fill(service: Service) -> dict[str, Any]:
    """Fills the basket of the example: SKU01 2 + 1, SKU02 2, SKU03 1."""
    return await service.main.accepted(
        "basketItemsAdd",
        items=[
            {"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 2},
            {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1},
            {"productRemoteId": 2, "divisionErpCode": "ERP02", "quantity": 2},
            {"productRemoteId": 3, "divisionErpCode": "ERP01", "quantity": 1},
        ],
    )


def in_short(basket: dict[str, Any]) -> list[Any]:
    """Returns an item a line: product, price, quantity, total, and the divisions."""
    return [
        (
            item["productRemoteId"],
            item["price"],
            item["quantity"],
            item["totalAmount"],
            [(part["division"]["erpCode"], part["quantity"]) for part in item["divisions"]],
        )
        for item in basket["items"]
    ]


async def test_the_example_adds_up_to_81_65(service: Service) -> None:
    basket = await fill(service)
    assert (basket["totalAmount"], basket["totalQuantity"], basket["itemCount"]) == (
        "81.65",
        6,
        3,
    )
    assert (basket["currency"], basket["segmentRemoteId"], basket["status"]) == (
        "try",
        None,
        "ACTIVE",
    )
    assert in_short(basket) == [
        (1, "10.55", 3, "31.65", [("ERP02", 2), ("ERP01", 1)]),
        (2, "20.00", 2, "40.00", [("ERP02", 2)]),
        (3, "10.00", 1, "10.00", [("ERP01", 1)]),
    ]


async def test_updating_one_division_to_zero_leaves_61_10(service: Service) -> None:
    await fill(service)
    await service.main.accepted("basketItemRemove", productRemoteId=3)
    basket = await service.main.accepted(
        "basketItemUpdate",
        productRemoteId=1,
        divisionId=service.division("ERP01"),
        quantity=0,
    )
    assert (basket["totalAmount"], basket["totalQuantity"]) == ("61.10", 4)
    assert in_short(basket) == [
        (1, "10.55", 2, "21.10", [("ERP02", 2)]),
        (2, "20.00", 2, "40.00", [("ERP02", 2)]),
    ]


async def test_deleting_the_last_item_leaves_an_empty_active_basket(
    service: Service,
) -> None:
    await service.main.accepted(
        "basketItemsAdd", items=[{"productRemoteId": 2, "divisionErpCode": "ERP02"}]
    )
    basket = await service.main.accepted("basketItemRemove", productRemoteId=2)
    assert (basket["totalAmount"], basket["totalQuantity"], basket["items"]) == (
        "0.00",
        0,
        [],
    )
    assert (basket["status"], basket["currency"]) == ("ACTIVE", None)
    assert await service.main.basket() == basket


async def test_drafts_are_listed_with_totals_most_recently_saved_first(
    service: Service,
) -> None:
    first = await fill(service)
    await service.main.accepted("basketSave", name="Basket 1")
    second = await service.main.accepted(
        "basketItemsAdd",
        items=[{"sku": "SKU02", "divisionErpCode": "ERP01", "quantity": 5}],
    )
    await service.main.accepted("basketSave", name="Basket 2")
    data = await service.main.query(
        "{ draftBaskets { totalCount edges { node { id name totalAmount totalQuantity status } } } }"
    )
    assert data["draftBaskets"] == {
        "totalCount": 2,
        "edges": [
            {
                "node": {
                    "id": second["id"],
                    "name": "Basket 2",
                    "totalAmount": "100.00",
                    "totalQuantity": 5,
                    "status": "DRAFT",
                }
            },
            {
                "node": {
                    "id": first["id"],
                    "name": "Basket 1",
                    "totalAmount": "81.65",
                    "totalQuantity": 6,
                    "status": "DRAFT",
                }
            },
        ],
    }
