"""Reverts of the largest baskets: a few statements, one pass over Commerce, and short reports."""

from collections import Counter
from typing import Any

import pytest

from models.export.job import _BASKET_ROWS
from models.history.consistency import check_baskets
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.product.tables import Product
from tests.support.many_items import FIRST_REMOTE_ID, fill_basket
from tests.support.reverts import OUTCOMES, age_products, history
from tests.support.service import Service
from tests.support.statements import statement

pytestmark = pytest.mark.long

REVERT = f"basket {{ version itemCount totalQuantity totalAmount }} {OUTCOMES}"


async def revert(service: Service, **given: Any) -> dict[str, Any]:
    """Reverts to the first version."""
    return await service.main.change("basketRevert", REVERT, toVersion=1, **given)


async def shown_products(service: Service) -> list[tuple[int, list[str]]]:
    """Reads the products of the basket, each with its divisions."""
    data = await service.main.query(
        "{ activeBasket { items { productRemoteId divisions { division { erpCode } } } } }"
    )
    return [
        (
            item["productRemoteId"],
            [part["division"]["erpCode"] for part in item["divisions"]],
        )
        for item in data["activeBasket"]["items"]
    ]


async def test_a_cleared_basket_of_the_largest_size_comes_back(service: Service) -> None:
    """Also where the database has last seen its tables empty, which makes for bad plans."""
    basket_id = await fill_basket()
    before = await shown_products(service)
    cleared = await service.main.change("basketClear", "removedItemIds basket { version }")
    assert len(cleared["removedItemIds"]) == 10_000
    await statement("ANALYZE").rows()
    payload = await revert(service)
    assert payload == {
        "basket": {
            "version": 3,
            "itemCount": 10_000,
            "totalQuantity": 20_000,
            "totalAmount": "200000.00",
        },
        "acceptedCount": 20_000,
        "removedItemIds": [],
        "outcomes": [],
        "userErrors": [],
    }
    after = await shown_products(service)
    assert after == before
    assert after[0] == (FIRST_REMOTE_ID, ["ERP01", "ERP02"])
    assert service.shop.requests == []
    cleared_row, reverted_row = await history()
    assert (cleared_row.line_count, reverted_row.line_count) == (20_000, 20_000)
    assert (reverted_row.kind, len(reverted_row.lines)) == ("REVERTED", 20_000)
    assert [checked.differences async for checked in check_baskets()] == [[]]
    delta = "{ activeBasket { delta(sinceVersion: 2) { isComplete items { id } } } }"
    found = (await service.main.query(delta))["activeBasket"]["delta"]
    assert (found["isComplete"], len(found["items"])) == (False, 10_000)
    assert len(await _BASKET_ROWS.rows(basket_id=basket_id)) == 20_000
    emptied = {"toVersion": 2, "idempotencyKey": "key"}
    again = await service.main.change("basketRevert", REVERT, **emptied)
    assert (again["acceptedCount"], len(again["removedItemIds"])) == (20_000, 10_000)
    assert again["basket"]["itemCount"] == 0
    assert await service.main.change("basketRevert", REVERT, **emptied) == again
    assert len((await IdempotencyKey.get()).outcome) < 150


async def test_commerce_is_asked_once_for_each_hundred_products(service: Service) -> None:
    await fill_basket(2_000, divisions=1)
    for index in range(0, 2_000, 2):
        service.shop.sell(FIRST_REMOTE_ID + index, "10.00", sku=f"SKU{1000 + index}")
    await service.main.accepted("basketClear")
    await age_products()
    payload = await revert(service)
    assert len(service.shop.requests) == 20
    assert (payload["basket"]["itemCount"], payload["acceptedCount"]) == (1_000, 1_000)
    assert (len(payload["outcomes"]), payload["userErrors"]) == (1_000, [])


async def test_of_many_bad_lines_a_thousand_are_named(service: Service) -> None:
    await fill_basket(2_400, divisions=1)
    await service.main.accepted("basketClear")
    await Product.filter(remote_id__gte=FIRST_REMOTE_ID + 1_300).update(is_available=False)
    payload = await revert(service)
    assert (payload["acceptedCount"], payload["userErrors"]) == (1_300, [])
    assert [each["index"] for each in payload["outcomes"]] == list(range(1_300, 2_300))
    await service.main.accepted("basketClear")
    rejected = await revert(service, onInvalid="REJECT")
    assert (rejected["basket"], rejected["acceptedCount"]) == (None, 0)
    # Those that are good are left out for the bad ones that come after them.
    assert [each["index"] for each in rejected["outcomes"]] == list(range(1_300, 2_300))
    assert len(rejected["userErrors"]) == 1_000
    assert await BasketChange.all().count() == 3


async def test_bad_lines_are_named_before_good_ones_that_were_not_carried_out(
    service: Service,
) -> None:
    await fill_basket(1_500, divisions=1)
    await service.main.accepted("basketClear")
    await Product.filter(remote_id__gte=FIRST_REMOTE_ID + 1_490).update(is_available=False)
    rejected = await revert(service, onInvalid="REJECT")
    statuses = Counter(each["status"] for each in rejected["outcomes"])
    assert statuses == {"UNCHANGED": 990, "REJECTED": 10}
    assert [each["index"] for each in rejected["outcomes"]] == [
        *range(990),
        *range(1_490, 1_500),
    ]
    assert len(rejected["userErrors"]) == 10
