"""The history that changes write: a row per version, with the lines before and after."""

from typing import Any

from models.basket.tables import Basket
from models.history.lines import lines_from_text
from models.history.tables import BasketChange
from models.product.tables import Product
from tests.support.service import Service, number_in

LINES = [
    {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2},
    {"productRemoteId": 2, "divisionErpCode": "ERP02", "quantity": 3},
    {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1},
]

Line = tuple[int, bool, int, int, int | None, int | None]
"""Remote id, whether of a division, and quantities and prices before and after."""


async def read_history(number: int) -> list[tuple[Any, ...]]:
    """Returns version, kind, origin, totals and lines of each change of a basket."""
    remote_ids = dict(await Product.all().values_list("id", "remote_id"))

    def read(text: str | None) -> list[Line]:
        return [
            (
                remote_ids[line.product_id],
                line.division_id is not None,
                line.quantity_before,
                line.quantity_after,
                line.price_before,
                line.price_after,
            )
            for line in lines_from_text(text).lines
        ]

    return [
        (
            change.version,
            change.kind.value,
            change.origin.value,
            change.total_quantity,
            change.total_amount,
            read(change.lines),
        )
        for change in await BasketChange.filter(basket_id=number).order_by("version")
    ]


async def test_every_change_writes_its_lines(service: Service) -> None:
    main = service.main
    basket = await main.accepted("basketItemsAdd", items=LINES)
    number = int(basket["id"].removeprefix("basket_"))
    # The second time all products are known, which is the fast path.
    await main.accepted("basketItemsAdd", items=LINES[:1])
    held = {"productRemoteId": 1, "divisionId": await division_id(service)}
    await main.accepted("basketItemUpdate", **held, quantity=9)
    await main.accepted("basketItemUpdate", **held, quantity=9)
    service.shop.sell(2, "11.00")
    await main.accepted("basketRefresh")
    await main.accepted("basketRefresh")
    await main.accepted("basketItemRemove", productRemoteId=1)
    await main.accepted("basketClear")
    await main.accepted("basketClear")
    added = [(1, True, 0, 3, None, 1055), (2, True, 0, 3, None, 2000)]
    history = await read_history(number)
    assert history == [
        (1, "ITEMS_ADDED", "GRAPHQL", 6, 9165, added),
        (2, "ITEMS_ADDED", "GRAPHQL", 8, 11275, [(1, True, 3, 5, 1055, 1055)]),
        (3, "ITEM_UPDATED", "GRAPHQL", 12, 15495, [(1, True, 5, 9, 1055, 1055)]),
        (4, "REFRESHED", "GRAPHQL", 12, 12795, [(2, False, 3, 3, 2000, 1100)]),
        (5, "ITEM_REMOVED", "GRAPHQL", 3, 3300, [(1, True, 9, 0, 1055, None)]),
        (6, "CLEARED", "GRAPHQL", 0, 0, [(2, True, 3, 0, 1100, None)]),
    ]
    stored = await Basket.get(id=number)
    assert (stored.version, stored.item_count, stored.currency) == (6, 0, None)


async def test_the_last_quantity_takes_the_item_with_it(service: Service) -> None:
    main = service.main
    basket = await main.accepted("basketItemsAdd", items=LINES[:1])
    held = {"productRemoteId": 1, "divisionId": await division_id(service)}
    selection = "removedItemIds basket { itemCount }"
    payload = await main.change("basketItemUpdate", selection, **held, quantity=0)
    assert len(payload["removedItemIds"]) == 1
    assert payload["basket"] == {"itemCount": 0}
    number = int(basket["id"].removeprefix("basket_"))
    assert (await read_history(number))[1:] == [
        (2, "ITEM_UPDATED", "GRAPHQL", 0, 0, [(1, True, 2, 0, 1055, None)])
    ]


async def test_a_load_is_a_version_of_both_baskets(service: Service) -> None:
    main = service.main
    saved = await main.accepted("basketItemsAdd", items=LINES[:1])
    await main.accepted("basketSave", name="A")
    active = await main.accepted("basketItemsAdd", items=LINES[:1])
    await main.accepted("basketLoad", basketId=saved["id"])
    kinds = {
        id: [change[:2] for change in await read_history(int(id.removeprefix("basket_")))]
        for id in (saved["id"], active["id"])
    }
    assert kinds == {
        saved["id"]: [(1, "ITEMS_ADDED"), (2, "SAVED"), (3, "LOADED")],
        active["id"]: [(1, "ITEMS_ADDED"), (2, "SAVED")],
    }


async def division_id(service: Service) -> str:
    """Returns the id of the division ERP01."""
    found = await service.main.query("{ divisions { id erpCode } }")
    return str({each["erpCode"]: each["id"] for each in found["divisions"]}["ERP01"])


async def test_the_history_of_a_deleted_basket_goes_with_it(
    service: Service, database_url: str
) -> None:
    for erp_code in ("ERP01", "ERP02"):
        await service.main.accepted(
            "basketItemsAdd", items=[{"sku": "SKU01", "divisionErpCode": erp_code}]
        )
    basket = await service.main.accepted("basketSave", name="Spring")
    other = await service.sub.accepted(
        "basketItemsAdd", items=[{"sku": "SKU01", "divisionErpCode": "ERP02"}]
    )
    assert await BasketChange.all().count() == 4
    payload = await service.main.change(
        "basketDelete", "deletedBasketId userErrors { code }", basketId=basket["id"]
    )
    assert payload == {"deletedBasketId": basket["id"], "userErrors": []}
    left = await BasketChange.all().values_list("basket_id", "version")
    assert left == [(int(number_in(other["id"])), 1)]
