"""A key of a change of very many items takes less than 1 KB: a retry reads the long lists again."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from models.basket.tables import BasketItem
from models.history.sweep import HistorySweeper
from models.history.tables import BasketChange
from models.idempotency import KEPT, IdempotencyKey
from models.product.tables import Product
from models.timestamps import now
from tests.support.many_items import FIRST_REMOTE_ID, fill_basket
from tests.support.service import Service

MANY = 1_000
PRODUCTS = range(FIRST_REMOTE_ID, FIRST_REMOTE_ID + MANY)
PRICES = (
    "basket { itemCount } unavailable { productRemoteId } "
    "priceChanges { productRemoteId sku oldPrice oldCurrency newPrice newCurrency item { id } }"
)
CLEAR = {"idempotencyKey": "clear"}
REFRESH = {"idempotencyKey": "refresh"}


async def stored() -> dict[str, Any]:
    """Returns the one stored outcome, which is short."""
    (key,) = await IdempotencyKey.all()
    assert len(key.outcome.encode()) <= 1_024
    values: dict[str, Any] = orjson.loads(key.outcome)
    return values


async def item_ids() -> list[str]:
    """Returns the ids of all items."""
    ids = await BasketItem.all().order_by("id").values_list("id", flat=True)
    return [f"item_{each}" for each in ids]


async def clear(service: Service) -> list[str]:
    """Clears the basket with a key, once or again; returns the ids of its items."""
    payload = await service.main.change("basketClear", "removedItemIds", **CLEAR)
    assert payload.pop("userErrors") == []
    removed: list[str] = payload["removedItemIds"]
    return removed


async def test_a_retried_clear_names_all_items_although_others_lie_between(
    service: Service,
) -> None:
    basket_id = await fill_basket(MANY, 1, is_scattered=True)
    ids = await item_ids()
    assert await clear(service) == ids
    assert await stored() == {
        "format": 3,
        "basket": basket_id,
        "version": 2,
        "lists": ["removed"],
    }
    assert await clear(service) == ids


async def test_the_history_retains_the_change_as_long_as_the_key(service: Service) -> None:
    basket_id = await fill_basket(MANY, 1, is_scattered=True)
    ids = await item_ids()
    line = {"productRemoteId": PRODUCTS[0], "divisionErpCode": "ERP01"}
    add = {"items": [line | {"quantity": 1}]}
    await service.main.accepted("basketItemsAdd", **add)
    assert await clear(service) == ids
    for _ in range(5):
        await service.main.accepted("basketItemsAdd", **add)

    async def sweep() -> list[int]:
        await HistorySweeper(2, timedelta(days=90)).sweep()
        changes = BasketChange.filter(basket_id=basket_id).order_by("version")
        return [change.version for change in await changes]

    # The clear is version 3; without it there would be a gap.
    assert await sweep() == [3, 4, 5, 6, 7, 8]
    assert await clear(service) == ids
    (change,) = await BasketChange.filter(version=3)
    assert change.retained_until is not None
    assert abs(change.retained_until - now() - KEPT) < timedelta(minutes=5)
    await BasketChange.filter(version=3).update(retained_until=now())
    assert await sweep() == [7, 8]


async def test_a_retry_whose_history_was_deleted_by_hand_is_rejected(
    service: Service,
) -> None:
    await fill_basket(MANY, 1, is_scattered=True)
    await clear(service)
    first = await stored()
    for change, reason in (
        (BasketChange.all().update(lines='{"format":9}'), "in the format of another"),
        (BasketChange.all().delete(), "which has been deleted"),
    ):
        await change
        before = await service.main.everything()
        payload = await service.main.change("basketClear", "removedItemIds", **CLEAR)
        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["idempotencyKey"])
        assert reason in error["message"]
        assert payload["removedItemIds"] == []
        assert await service.main.everything() == before
        assert await stored() == first


async def test_a_retry_of_a_basket_that_is_gone_names_nothing(service: Service) -> None:
    await fill_basket(MANY, 1, is_scattered=True)
    await clear(service)
    draft = await service.main.accepted("basketSave", name="Draft")
    await service.main.change("basketDelete", "deletedBasketId", basketId=draft["id"])
    selection = "basket { id } removedItemIds"
    assert await service.main.change("basketClear", selection, **CLEAR) == {
        "basket": None,
        "removedItemIds": [],
        "userErrors": [],
    }


async def test_setting_and_copying_over_many_items_stores_little(service: Service) -> None:
    line = {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}
    await fill_basket(MANY, 1, is_scattered=True)
    ids = await item_ids()
    given = {"items": [line], "mode": "REPLACE", "idempotencyKey": "set"}
    selection = "basket { itemCount } removedItemIds acceptedCount"
    first = await service.main.change("basketItemsSet", selection, **given)
    assert first == {
        "basket": {"itemCount": 1},
        "removedItemIds": ids,
        "acceptedCount": 1,
        "userErrors": [],
    }
    assert (await stored())["lists"] == ["removed"]
    assert await service.main.change("basketItemsSet", selection, **given) == first


async def sell_at(service: Service, price: str, withdrawn: set[int]) -> None:
    """Sells all products but some for a price that each has a little more of."""
    for index, product in enumerate(PRODUCTS):
        sku = f"SKU{product}"
        if product not in withdrawn:
            service.shop.sell(product, f"{index % 89 + 11}.{price}", sku=sku)


async def refresh(service: Service, **given: Any) -> dict[str, Any]:
    """Refreshes the basket with a key, once or again."""
    payload = await service.main.change("basketRefresh", PRICES, **REFRESH, **given)
    assert payload.pop("userErrors") == []
    return payload


async def test_a_retried_refresh_tells_all_prices_of_the_items_that_are_left(
    service: Service,
) -> None:
    await fill_basket(MANY, 1, is_scattered=True)
    withdrawn = {each for each in PRODUCTS if each * each % 7 in (1, 2)}
    await sell_at(service, "25", withdrawn)
    first = await refresh(service)
    counts = (len(first["priceChanges"]), len(first["unavailable"]))
    assert counts == (MANY - len(withdrawn), len(withdrawn)) == (428, 572)
    assert first["priceChanges"][3] == {
        "productRemoteId": 1_008,
        "sku": "SKU1008",
        "oldPrice": "10.00",
        "oldCurrency": "try",
        "newPrice": "19.25",
        "newCurrency": "try",
        "item": first["priceChanges"][3]["item"],
    }
    assert (await stored())["lists"] == ["price_changes", "unavailable"]
    assert await refresh(service) == first
    # Prices move on, and items leave.
    await sell_at(service, "75", withdrawn)
    await service.main.accepted("basketRefresh")
    for number in (1_008, min(withdrawn)):
        await service.main.accepted("basketItemRemove", productRemoteId=number)
    again = await refresh(service)
    assert again["basket"] == {"itemCount": MANY - 2}
    del first["priceChanges"][3], first["unavailable"][0]
    assert {**again, "basket": None} == {**first, "basket": None}


async def test_a_long_list_of_what_is_unavailable_alone_is_read_again(
    service: Service,
) -> None:
    basket_id = await fill_basket(MANY, 1, is_scattered=True)
    for product in PRODUCTS[:2]:
        service.shop.sell(product, "10.00", sku=f"SKU{product}")
    first = await refresh(service)
    assert (len(first["priceChanges"]), len(first["unavailable"])) == (0, MANY - 2)
    assert await stored() == {
        "format": 3,
        "basket": basket_id,
        "version": 1,
        "lists": ["unavailable"],
    }
    assert await refresh(service) == first
    assert await BasketChange.all().count() == 0
    # An item that Commerce sells again, and says so, is no longer among them.
    await Product.filter(remote_id=PRODUCTS[5]).update(is_available=True)
    again = await refresh(service)
    assert len(again["unavailable"]) == MANY - 3


async def test_a_long_report_of_a_dry_run_is_made_again(service: Service) -> None:
    await fill_basket(MANY, 1, is_scattered=True)
    await sell_at(service, "25", set())
    first = await refresh(service, dryRun=True)
    assert len(first["priceChanges"]) == MANY
    assert await IdempotencyKey.all().count() == 0
    assert await refresh(service, dryRun=True) == first
    assert await BasketChange.all().count() == 0


async def test_a_reverted_import_names_all_items(service: Service) -> None:
    rows = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}]
    await service.main.accepted("basketItemsAdd", items=rows)
    for product in PRODUCTS[:400]:
        service.shop.sell(product, "1.00", sku=f"SKU{product}")
    for begin in (0, 1):
        # Another buyer's items lie between.
        for caller in (service.main, service.sub):
            lines = [
                {"productRemoteId": each, "divisionErpCode": "ERP02", "quantity": 1}
                for each in PRODUCTS[begin:400:2]
            ]
            await caller.accepted("basketItemsAdd", items=lines)
    given = {"toVersion": 1, "idempotencyKey": "revert"}
    selection = "basket { itemCount } removedItemIds acceptedCount"
    first = await service.main.change("basketRevert", selection, **given)
    assert (first["basket"]["itemCount"], len(first["removedItemIds"])) == (1, 400)
    assert len(first["removedItemIds"]) == first["acceptedCount"]
    await stored()
    assert await service.main.change("basketRevert", selection, **given) == first


@pytest.mark.parametrize("count", [1, 40])
async def test_short_lists_are_stored_with_the_key(service: Service, count: int) -> None:
    await fill_basket(count, 1, is_scattered=True)
    ids = await item_ids()
    assert await clear(service) == ids
    first = await stored()
    assert (first["format"], "lists" in first) == (2, False)
    await BasketChange.all().delete()
    assert await clear(service) == ids
