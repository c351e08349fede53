"""Adding many lines: every fault of every line in one answer, skipped lines and dry runs."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from models.basket.tables import MAXIMUM_ITEMS, Basket
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.product.tables import Product
from tests.support.lines import line
from tests.support.many_items import FIRST_REMOTE_ID, fill_basket
from tests.support.outcomes import add, errors, faults, named, statuses
from tests.support.reverts import history, quantities
from tests.support.service import Service

BAD: list[dict[str, Any]] = [
    line(404, "ERP05", 0),
    {"quantity": -1},
    line(6, "ERP99"),
    {"sku": "NONE", "divisionId": "x", "quantity": 3},
    line(1, "ERP04", 1_000_001),
]
"""Lines with several faults each."""
FAULTS = {
    0: [
        ("INVALID_QUANTITY", "quantity"),
        ("PRODUCT_NOT_FOUND", "productRemoteId"),
        ("DIVISION_NOT_ALLOWED", "divisionErpCode"),
    ],
    1: [
        ("INVALID_INPUT", "productRemoteId"),
        ("INVALID_INPUT", "divisionId"),
        ("INVALID_QUANTITY", "quantity"),
    ],
    2: [
        ("PRODUCT_UNAVAILABLE", "productRemoteId"),
        ("DIVISION_NOT_FOUND", "divisionErpCode"),
    ],
    3: [("DIVISION_NOT_FOUND", "divisionId"), ("PRODUCT_NOT_FOUND", "sku")],
    4: [
        ("INVALID_QUANTITY", "quantity"),
        ("DIVISION_INACTIVE", "divisionErpCode"),
    ],
}


async def test_every_fault_of_every_line_is_in_one_answer(service: Service) -> None:
    payload = await add(service.main, *BAD, line(2))
    assert (faults(payload), payload["basket"]) == (FAULTS, None)
    assert errors(payload) == [
        (code, ["items", str(index), part])
        for index, found in FAULTS.items()
        for code, part in found
    ]
    assert statuses(payload) == ["REJECTED"] * 5 + ["UNCHANGED"]
    assert payload["acceptedCount"] == 0
    assert len(service.shop.requests) == 2
    assert (await Basket.all().count(), await BasketChange.all().count()) == (0, 0)


async def test_bad_lines_are_skipped_and_the_good_ones_are_one_change(
    service: Service,
) -> None:
    payload = await add(service.main, line(2), *BAD, line(3, "ERP02", 4), onInvalid="SKIP")
    assert faults(payload) == {index + 1: found for index, found in FAULTS.items()}
    assert statuses(payload) == ["ACCEPTED", *["REJECTED"] * 5, "ACCEPTED"]
    assert (payload["acceptedCount"], payload["userErrors"]) == (2, [])
    assert quantities(payload["basket"]) == {2: {"ERP01": 1}, 3: {"ERP02": 4}}
    (change,) = await history()
    assert (change.version, change.kind, change.line_count) == (1, "ITEMS_ADDED", 2)


async def test_outcomes_name_what_was_understood(service: Service) -> None:
    lines: list[dict[str, Any]] = [
        {"sku": " SKU02 ", "divisionId": service.division("ERP02"), "quantity": 7},
        {"sku": "NONE", "divisionErpCode": "ERP05"},
        {"sku": "A\nB", "divisionErpCode": " ERP03 "},
        line(404, "ERP04", 0),
    ]
    expected = [
        (2, "SKU02", "ERP02", 7),
        (None, "NONE", None, 1),
        (None, None, "ERP03", 1),
        (404, None, "ERP04", 0),
    ]
    for given in ({"onInvalid": "SKIP"}, {}, {"dryRun": True}):
        assert named(await add(service.main, *lines, **given)) == expected
    plain = await add(service.main, lines[0], idempotencyKey="key")
    assert (named(plain), statuses(plain)) == (expected[:1], ["ACCEPTED"])
    assert await add(service.main, lines[0], idempotencyKey="key") == plain


async def test_a_dry_run_reports_and_changes_nothing(service: Service) -> None:
    payload = await add(service.main, line(1), line(2), dryRun=True)
    assert (statuses(payload), payload["acceptedCount"]) == (["ACCEPTED"] * 2, 2)
    assert (payload["basket"], payload["userErrors"]) == (None, [])
    assert await Basket.all().count() == 0
    before = await service.main.accepted("basketItemsAdd", items=[line(1)])
    bad = [line(1), line(404)]
    skipping = await add(service.main, *bad, dryRun=True, onInvalid="SKIP")
    assert (skipping["basket"], skipping["acceptedCount"]) == (before, 1)
    strict = await add(service.main, *bad, dryRun=True)
    assert (strict["basket"], strict["acceptedCount"]) == (None, 0)
    assert statuses(strict) == ["UNCHANGED", "REJECTED"]
    conflict = await add(service.main, line(1), dryRun=True, expectedVersion=0)
    assert errors(conflict) == [("VERSION_CONFLICT", ["expectedVersion"])]
    assert (conflict["outcomes"], await service.main.basket()) == ([], before)


async def test_without_a_good_line_there_is_no_version_and_no_basket(
    service: Service,
) -> None:
    payload = await add(service.main, line(404), line(6), onInvalid="SKIP")
    assert (payload["basket"], payload["userErrors"]) == (None, [])
    assert statuses(payload) == ["REJECTED"] * 2
    assert await Basket.all().count() == 0
    before = await service.main.accepted("basketItemsAdd", items=[line(1)])
    payload = await add(service.main, line(404), onInvalid="SKIP")
    assert payload["basket"] == before


async def test_each_line_of_too_high_a_sum_is_rejected_unless_lines_are_skipped(
    service: Service,
) -> None:
    by_id = service.division("ERP01")
    lines: list[dict[str, Any]] = [
        line(1, quantity=600_000),
        line(2),
        {"sku": "SKU01", "divisionId": by_id, "quantity": 400_000},
        line(1, quantity=1),
        line(1, "ERP02", 1_000_000),
    ]
    strict = await add(service.main, *lines)
    found = [("INVALID_QUANTITY", "quantity")]
    assert faults(strict) == {0: found, 2: found, 3: found}
    assert {error["message"] for error in strict["userErrors"]} == {
        "Quantity 1000001 is not between 1 and 1000000."
    }
    assert await Basket.all().count() == 0
    skipped = await add(service.main, *lines, onInvalid="SKIP")
    assert faults(skipped) == {3: found}
    assert quantities(skipped["basket"]) == {
        1: {"ERP01": 1_000_000, "ERP02": 1_000_000},
        2: {"ERP01": 1},
    }
    again = await add(service.main, line(1), onInvalid="SKIP")
    assert (faults(again), again["basket"]) == ({0: found}, skipped["basket"])


async def test_the_same_line_twice_counts_twice(service: Service) -> None:
    payload = await add(service.main, line(1), line(404), line(1), onInvalid="SKIP")
    assert payload["acceptedCount"] == 2
    assert quantities(payload["basket"]) == {1: {"ERP01": 2}}


async def test_the_currency_is_that_of_the_items_else_of_the_first_good_line(
    service: Service,
) -> None:
    mixed = [line(5, quantity=0), line(1), line(5), line(2)]
    skipped = await add(service.main, *mixed, onInvalid="SKIP")
    assert faults(skipped) == {
        0: [("INVALID_QUANTITY", "quantity"), ("CURRENCY_MISMATCH", "0")],
        2: [("CURRENCY_MISMATCH", "2")],
    }
    assert skipped["basket"]["currency"] == "try"
    strict = await add(service.main, *mixed[1:])
    assert faults(strict) == {1: [("CURRENCY_MISMATCH", "1")]}
    await service.main.accepted("basketClear")
    other = await add(service.main, line(5), line(1), onInvalid="SKIP")
    assert (faults(other), other["basket"]["currency"]) == (
        {1: [("CURRENCY_MISMATCH", "1")]},
        "eur",
    )


async def test_a_held_product_keeps_its_currency_also_for_a_bad_division(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    await Product.filter(remote_id=1).update(currency="eur")
    for given in ({}, {"onInvalid": "SKIP"}):
        payload = await add(service.main, line(1, "ERP99"), line(2, "ERP99"), **given)
        found = [("DIVISION_NOT_FOUND", "divisionErpCode")]
        assert faults(payload) == {0: found, 1: found}


async def test_limits_of_the_basket_reject_lines_in_their_order(service: Service) -> None:
    await fill_basket(divisions=1)
    held = line(FIRST_REMOTE_ID, "ERP01", 5)
    skipped = await add(service.main, line(1), held, line(2), onInvalid="SKIP")
    over = [("BASKET_LIMIT_EXCEEDED", "0")], [("BASKET_LIMIT_EXCEEDED", "2")]
    assert faults(skipped) == {0: over[0], 2: over[1]}
    basket = skipped["basket"]
    assert (basket["itemCount"], basket["totalQuantity"]) == (MAXIMUM_ITEMS, 10_005)
    strict = await add(service.main, held, line(1), idempotencyKey="key")
    assert errors(strict) == [("BASKET_LIMIT_EXCEEDED", ["items"])]
    assert statuses(strict) == ["UNCHANGED"] * 2
    assert await add(service.main, held, line(1), idempotencyKey="key") == strict


async def test_the_total_quantity_rejects_lines_in_their_order(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    await Basket.all().update(total_quantity=2_147_483_640)
    skipped = await add(
        service.main, line(1, quantity=8), line(2, quantity=7), onInvalid="SKIP"
    )
    assert faults(skipped) == {0: [("BASKET_LIMIT_EXCEEDED", "0")]}
    assert skipped["basket"]["totalQuantity"] == 2_147_483_647


async def test_commerce_is_asked_once_for_all_lines(service: Service) -> None:
    lines: list[dict[str, Any]] = [
        line(1),
        {"sku": "SKU02", "divisionErpCode": "ERP99"},
        line(3, quantity=0),
    ]
    await add(service.main, *lines)
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?pk__in=1,3&limit=100&page=1",
        "/api/v1/data-warehouse/products/?sku__in=SKU02&limit=100&page=1",
    ]


async def test_a_commerce_that_cannot_be_asked_rejects_its_own_lines_when_skipping(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    service.shop.is_down = True
    lines = [line(1), line(2), line(3, quantity=0), line(1, "ERP99")]
    strict = await add(service.main, *lines)
    assert errors(strict) == [
        ("COMMERCE_UNAVAILABLE", []),
        ("INVALID_QUANTITY", ["items", "2", "quantity"]),
        ("DIVISION_NOT_FOUND", ["items", "3", "divisionErpCode"]),
    ]
    assert statuses(strict) == ["UNCHANGED", "REJECTED", "REJECTED", "REJECTED"]
    skipped = await add(service.main, *lines, onInvalid="SKIP", idempotencyKey="key")
    assert faults(skipped) == {
        1: [("COMMERCE_UNAVAILABLE", "productRemoteId")],
        2: [("INVALID_QUANTITY", "quantity"), ("COMMERCE_UNAVAILABLE", "productRemoteId")],
        3: [("DIVISION_NOT_FOUND", "divisionErpCode")],
    }
    assert quantities(skipped["basket"]) == {1: {"ERP01": 2}}
    service.shop.is_down = False
    again = await add(service.main, *lines, onInvalid="SKIP", idempotencyKey="key")
    assert again == skipped
    fresh = await add(service.main, *lines, onInvalid="SKIP", idempotencyKey="other")
    assert fresh["acceptedCount"] == 2


async def test_a_skip_that_changed_nothing_for_commerce_is_tried_again_with_its_key(
    service: Service,
) -> None:
    service.shop.is_down = True
    given = {"onInvalid": "SKIP", "idempotencyKey": "key"}
    payload = await add(service.main, line(1), line(404), **given)
    assert set(faults(payload)) == {0, 1}
    assert await IdempotencyKey.all().count() == 0
    service.shop.is_down = False
    payload = await add(service.main, line(1), line(404), **given)
    assert (payload["acceptedCount"], set(faults(payload))) == (1, {1})


async def test_a_part_of_commerce_that_fails_leaves_the_other_lines(
    service: Service,
) -> None:
    for index in range(150):
        service.shop.sell(FIRST_REMOTE_ID + index, "1.00")
    # Two requests: the second one has a product without a SKU, which fails all of it.
    service.shop.products[FIRST_REMOTE_ID + 149]["sku"] = None
    lines = [line(FIRST_REMOTE_ID + index) for index in range(150)]
    payload = await add(service.main, *lines, onInvalid="SKIP")
    assert (payload["acceptedCount"], payload["basket"]["itemCount"]) == (100, 100)
    assert faults(payload) == {
        index: [("COMMERCE_UNAVAILABLE", "productRemoteId")] for index in range(100, 150)
    }


async def test_a_key_is_bound_to_the_treatment_of_bad_lines(service: Service) -> None:
    first = await add(service.main, line(1), idempotencyKey="key", onInvalid="SKIP")
    for given in ({}, {"onInvalid": "REJECT"}, {"onInvalid": "SKIP", "dryRun": True}):
        payload = await add(service.main, line(1), idempotencyKey="key", **given)
        assert errors(payload) == [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]
        assert (payload["outcomes"], payload["acceptedCount"]) == ([], 0)
    assert await service.main.basket() == first["basket"]


@pytest.mark.parametrize("on_invalid", ["SKIP", "REJECT"])
async def test_a_retry_gets_the_outcomes_again(service: Service, on_invalid: str) -> None:
    lines = [line(1), *BAD, line(2, "ERP03", 2)]
    given = {"onInvalid": on_invalid, "idempotencyKey": "key"}
    first = await add(service.main, *lines, **given)
    asked = len(service.shop.requests)
    assert await add(service.main, *lines, **given) == first
    assert len(service.shop.requests) == asked


async def test_lines_that_were_skipped_count_among_the_rejections(service: Service) -> None:
    def count(code: str) -> float:
        return REGISTRY.get_sample_value("basket_rejections_total", {"code": code}) or 0

    before = count("PRODUCT_NOT_FOUND"), count("INVALID_QUANTITY")
    lines = [line(1), line(404), line(404, quantity=0)]
    for _ in range(2):
        await add(service.main, *lines, onInvalid="SKIP", idempotencyKey="key")
    after = count("PRODUCT_NOT_FOUND"), count("INVALID_QUANTITY")
    assert after == (before[0] + 2, before[1] + 1)


async def test_a_thousand_bad_lines_are_all_reported(service: Service) -> None:
    lines = [line(404, "ERP99", 0)] * 1_000
    for on_invalid, count in (("REJECT", 3_000), ("SKIP", 0)):
        payload = await add(service.main, *lines, onInvalid=on_invalid)
        assert statuses(payload) == ["REJECTED"] * 1_000
        assert len(payload["userErrors"]) == count
        assert sum(len(each) for each in faults(payload).values()) == 3_000
    assert await Basket.all().count() == 0
    payload = await add(service.main, *lines, line(1), onInvalid="SKIP")
    assert errors(payload) == [("INVALID_INPUT", ["items"])]
