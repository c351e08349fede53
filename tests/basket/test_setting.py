"""Setting a grid of quantities: twice is as good as once, and the rest stays or goes."""

import asyncio
from typing import Any

import pytest

from commands.administration import set_division_active
from models.basket.tables import Basket, BasketItem
from models.history.lines import ChangeLine
from models.product.tables import Product
from models.user import User
from tests.support.lines import line
from tests.support.many_items import FIRST_REMOTE_ID, fill_basket
from tests.support.outcomes import errors, faults, named, put, statuses
from tests.support.reverts import age_products, history, quantities
from tests.support.service import Service


async def items() -> list[tuple[int, int]]:
    """Returns the ids of the items and their products, in their order."""
    rows = await BasketItem.all().order_by("id").values_list("id", "product_id")
    return [(item, product) for item, product in rows]


async def test_a_grid_is_set_as_one_change_and_prices_stay(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1, "ERP01", 5), line(2)])
    (first, second) = await items()
    service.shop.sell(1, "99.00")
    payload = await put(
        service.main,
        line(1, "ERP01", 2),
        {"sku": "SKU01", "divisionId": service.division("ERP02"), "quantity": 3},
        line(2, "ERP01", 0),
        line(3, "ERP03", 4),
    )
    assert quantities(payload["basket"]) == {1: {"ERP01": 2, "ERP02": 3}, 3: {"ERP03": 4}}
    assert [item["price"] for item in payload["basket"]["items"]] == ["10.55", "10.00"]
    assert (payload["acceptedCount"], payload["userErrors"]) == (4, [])
    assert statuses(payload) == ["ACCEPTED"] * 4
    assert payload["removedItemIds"] == [f"item_{second[0]}"]
    (_, change) = await history()
    (_, added) = await items()
    codes = [service.divisions[code].id for code in ("ERP01", "ERP02", "ERP03")]
    assert change[:5] == (2, "ITEMS_SET", "GRAPHQL", 1, 4)
    assert change.lines == [
        ChangeLine(*first, codes[0], 5, 2, 1055, 1055),
        ChangeLine(*first, codes[1], 0, 3, 1055, 1055),
        ChangeLine(*second, codes[0], 1, 0, 2000, None),
        ChangeLine(*added, codes[2], 0, 4, None, 1000),
    ]


async def test_the_same_grid_again_changes_nothing_and_counts_no_version(
    service: Service,
) -> None:
    grid = [line(1, "ERP01", 2), line(2, "ERP02", 3), line(3, "ERP01", 0)]
    for mode in ("MERGE", "REPLACE"):
        first = await put(service.main, *grid, mode=mode)
        again = await put(service.main, *grid, mode=mode, expectedVersion=1)
        assert again == first
        assert again["basket"]["version"] == 1
    assert [change.kind for change in await history()] == ["ITEMS_SET"]


async def test_replacing_removes_what_is_not_named(service: Service) -> None:
    await service.main.accepted(
        "basketItemsAdd", items=[line(1), line(1, "ERP02"), line(2), line(3)]
    )
    payload = await put(
        service.main, line(3, "ERP01", 1), line(1, "ERP02", 6), mode="REPLACE"
    )
    assert quantities(payload["basket"]) == {1: {"ERP02": 6}, 3: {"ERP01": 1}}
    assert len(payload["removedItemIds"]) == 1
    assert payload["basket"]["totalAmount"] == "73.30"


async def test_what_a_rejected_line_names_keeps_its_quantity(service: Service) -> None:
    await service.main.accepted(
        "basketItemsAdd",
        items=[line(1), line(1, "ERP02"), line(2), line(2, "ERP02"), line(3)],
    )
    lines = [
        line(1, "ERP01", 1_000_001),
        line(2, "ERP99", 5),
        line(404, "ERP01", 5),
        line(4, "ERP01", 2),
    ]
    payload = await put(service.main, *lines, mode="REPLACE", onInvalid="SKIP")
    assert faults(payload) == {
        0: [("INVALID_QUANTITY", "quantity")],
        1: [("DIVISION_NOT_FOUND", "divisionErpCode")],
        2: [("PRODUCT_NOT_FOUND", "productRemoteId")],
    }
    assert quantities(payload["basket"]) == {
        1: {"ERP01": 1},
        2: {"ERP01": 1, "ERP02": 1},
        4: {"ERP01": 2},
    }
    assert (payload["acceptedCount"], payload["userErrors"]) == (1, [])


async def test_a_product_and_division_twice_is_rejected_for_both_lines(
    service: Service,
) -> None:
    lines: list[dict[str, Any]] = [
        line(1, "ERP01", 2),
        line(2, "ERP01", 1),
        {"sku": "SKU01", "divisionId": service.division("ERP01"), "quantity": 0},
    ]
    strict = await put(service.main, *lines)
    assert errors(strict) == [
        ("INVALID_INPUT", ["items", "0"]),
        ("INVALID_INPUT", ["items", "2"]),
    ]
    assert statuses(strict) == ["REJECTED", "UNCHANGED", "REJECTED"]
    assert await Basket.all().count() == 0
    skipped = await put(service.main, *lines, onInvalid="SKIP")
    assert quantities(skipped["basket"]) == {2: {"ERP01": 1}}


async def test_every_fault_of_every_line_is_in_one_answer(service: Service) -> None:
    lines: list[dict[str, Any]] = [
        line(404, "ERP05", -1),
        line(6, "ERP04", 1),
        {"quantity": 1},
        line(404, "ERP99", 0),
    ]
    payload = await put(service.main, *lines, line(1, "ERP01", 1))
    found = {
        0: [("INVALID_QUANTITY", "quantity")],
        1: [
            ("PRODUCT_UNAVAILABLE", "productRemoteId"),
            ("DIVISION_INACTIVE", "divisionErpCode"),
        ],
        2: [("INVALID_INPUT", "productRemoteId"), ("INVALID_INPUT", "divisionId")],
        3: [("DIVISION_NOT_FOUND", "divisionErpCode")],
    }
    assert faults(payload) == found
    assert statuses(payload) == ["REJECTED"] * 4 + ["UNCHANGED"]
    assert named(payload)[1] == (6, "SKU06", "ERP04", 1)
    assert (payload["basket"], await Basket.all().count()) == (None, 0)


async def test_less_can_always_be_had_and_zeros_ask_nobody(service: Service) -> None:
    await service.main.accepted(
        "basketItemsAdd", items=[line(1, "ERP03", 5), line(2, "ERP03", 5)]
    )
    service.shop.is_down = True
    service.shop.requests.clear()
    await set_division_active("ERP03", is_active=False)
    await Product.filter(remote_id=1).update(is_available=False)
    payload = await put(
        service.main,
        line(1, "ERP03", 4),
        line(2, "ERP03", 0),
        line(404, "ERP05", 0),
        line(2, "ERP01", 0),
    )
    assert (payload["userErrors"], payload["acceptedCount"]) == ([], 4)
    assert quantities(payload["basket"]) == {1: {"ERP03": 4}}
    assert service.shop.requests == []
    more = await put(service.main, line(2, "ERP03", 6))
    assert errors(more) == [("DIVISION_INACTIVE", ["items", "0", "divisionErpCode"])]


async def test_a_user_who_has_moved_can_take_goods_out(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1, "ERP03", 5)])
    moved = service.divisions["ERP05"]
    await User.filter(email="main@example.invalid").update(division=moved)
    payload = await put(service.main, line(1, "ERP03", 6), line(1, "ERP05", 1))
    assert errors(payload) == [("DIVISION_NOT_ALLOWED", ["items", "0", "divisionErpCode"])]
    assert named(payload)[0] == (1, "SKU01", None, 6)
    payload = await put(service.main, line(1, "ERP03", 0), line(1, "ERP05", 1))
    assert quantities(payload["basket"]) == {1: {"ERP05": 1}}


async def test_a_dry_run_reports_and_changes_nothing(service: Service) -> None:
    assert (await put(service.main, line(1), dryRun=True))["basket"] is None
    assert await Basket.all().count() == 0
    before = await service.main.accepted("basketItemsAdd", items=[line(2)])
    given = {"mode": "REPLACE", "dryRun": True}
    payload = await put(service.main, line(1), **given)
    assert (payload["basket"], payload["acceptedCount"]) == (before, 1)
    assert (payload["removedItemIds"], await service.main.basket()) == ([], before)
    conflict = await put(service.main, line(1), expectedVersion=7, **given)
    assert errors(conflict) == [("VERSION_CONFLICT", ["expectedVersion"])]


async def test_zeros_alone_make_no_basket(service: Service) -> None:
    payload = await put(service.main, line(1, "ERP01", 0), mode="REPLACE")
    assert (payload["basket"], payload["acceptedCount"]) == (None, 1)
    assert (payload["userErrors"], await Basket.all().count()) == ([], 0)


async def test_replacing_may_change_the_currency_and_merging_may_not(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    merged = await put(service.main, line(5), line(1, "ERP01", 0))
    assert errors(merged) == [("CURRENCY_MISMATCH", ["items", "0"])]
    swapped = await put(service.main, line(5), line(1, "ERP01", 0), line(2, "ERP01", 0))
    assert swapped["basket"]["currency"] == "eur"
    skipped = await put(service.main, line(1), line(5), mode="REPLACE", onInvalid="SKIP")
    assert faults(skipped) == {0: [("CURRENCY_MISMATCH", "0")]}
    assert quantities(skipped["basket"]) == {5: {"ERP01": 1}}
    replaced = await put(service.main, line(1), line(2), mode="REPLACE")
    assert replaced["basket"]["currency"] == "try"


@pytest.mark.long
async def test_a_full_basket_takes_new_products_for_those_that_go(
    service: Service,
) -> None:
    await fill_basket(divisions=1)
    full = await put(service.main, line(1), line(2), onInvalid="SKIP")
    assert faults(full) == {
        0: [("BASKET_LIMIT_EXCEEDED", "0")],
        1: [("BASKET_LIMIT_EXCEEDED", "1")],
    }
    strict = await put(service.main, line(1), line(FIRST_REMOTE_ID, "ERP01", 5))
    assert errors(strict) == [("BASKET_LIMIT_EXCEEDED", ["items"])]
    gone = line(FIRST_REMOTE_ID, "ERP01", 0)
    for given in ({}, {"onInvalid": "SKIP"}):
        swapped = await put(service.main, line(1), gone, dryRun=True, **given)
        assert (swapped["acceptedCount"], swapped["userErrors"]) == (2, [])
    skipped = await put(service.main, line(1), line(2), gone, onInvalid="SKIP")
    assert faults(skipped) == {1: [("BASKET_LIMIT_EXCEEDED", "1")]}
    assert skipped["basket"]["itemCount"] == 10_000
    replaced = await put(service.main, line(3), mode="REPLACE")
    assert len(replaced["removedItemIds"]) == 10_000
    assert quantities(replaced["basket"]) == {3: {"ERP01": 1}}


async def test_a_retry_gets_the_first_outcome(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(2)])
    given = {"mode": "REPLACE", "onInvalid": "SKIP", "idempotencyKey": "key"}
    lines = [line(1, "ERP01", 2), line(404, "ERP01", 1)]
    first = await put(service.main, *lines, **given)
    await service.main.accepted("basketItemsAdd", items=[line(3)])
    again = await put(service.main, *lines, **given)
    assert {**again, "basket": None} == {**first, "basket": None}
    assert quantities(again["basket"]) == {1: {"ERP01": 2}, 3: {"ERP01": 1}}
    reused = await put(service.main, *lines, **given | {"onInvalid": "REJECT"})
    assert errors(reused) == [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]


async def test_a_commerce_that_cannot_be_asked_leaves_the_other_lines(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    await age_products()
    service.shop.is_down = True
    lines = [line(1, "ERP01", 4), line(3, "ERP01", 1)]
    strict = await put(service.main, *lines)
    assert errors(strict) == [("COMMERCE_UNAVAILABLE", [])]
    skipped = await put(service.main, *lines, mode="REPLACE", onInvalid="SKIP")
    assert faults(skipped) == {1: [("COMMERCE_UNAVAILABLE", "productRemoteId")]}
    assert quantities(skipped["basket"]) == {1: {"ERP01": 4}}


async def test_settings_at_the_same_time_leave_one_of_them(service: Service) -> None:
    grids = [[line(1, "ERP01", count), line(2, "ERP01", count)] for count in range(1, 6)]
    await asyncio.gather(*(put(service.main, *grid) for grid in grids))
    basket = await service.main.basket()
    (one, two) = (part["ERP01"] for part in quantities(basket).values())
    assert (one, one in range(1, 6)) == (two, True)
    assert len(await history()) == 5
