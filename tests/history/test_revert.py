"""Reverting the active basket to an earlier version."""

from typing import Any

import pytest

from commands.administration import set_division_active
from models.basket.tables import Basket, BasketItem
from models.division import Division
from models.history.lines import ChangeLine
from models.history.tables import BasketChange
from models.product.tables import Product
from tests.support.lines import line
from tests.support.reverts import (
    age_products,
    history,
    quantities,
    rejected_lines,
    revert,
    reverted,
)
from tests.support.service import Service, serve
from tests.support.shop import Shop


async def add(service: Service, *lines: dict[str, object], **given: Any) -> dict[str, Any]:
    """Adds lines for the buyer of the main division."""
    return await service.main.accepted("basketItemsAdd", items=list(lines), **given)


async def update(service: Service, product: int, erp_code: str, quantity: int) -> None:
    """Sets a quantity."""
    division = service.division(erp_code)
    await service.main.accepted(
        "basketItemUpdate", productRemoteId=product, divisionId=division, quantity=quantity
    )


async def items() -> dict[int, tuple[int, int]]:
    """Returns the ids of items and products by remote id."""
    rows = await BasketItem.all().values_list("product__remote_id", "id", "product_id")
    return {remote_id: (item, product) for remote_id, item, product in rows}


async def test_a_new_version_has_the_quantities_of_an_earlier_one(service: Service) -> None:
    await add(service, line(1, "ERP01", 5), line(2, "ERP02", 3))
    before = await items()
    await add(service, line(1, "ERP02", 1), line(3, "ERP01", 4))
    await update(service, 1, "ERP01", 2)
    await service.main.accepted("basketItemRemove", productRemoteId=2)
    present = await items()
    payload = await revert(service.main, 1)
    assert quantities(payload["basket"]) == {1: {"ERP01": 5}, 2: {"ERP02": 3}}
    assert (payload["basket"]["version"], payload["basket"]["totalAmount"]) == (5, "112.75")
    assert (payload["acceptedCount"], payload["outcomes"], payload["userErrors"]) == (
        4,
        [],
        [],
    )
    assert payload["removedItemIds"] == [f"item_{present[3][0]}"]
    after = await items()
    assert (after[1], after[2] != before[2]) == (before[1], True)
    (recorded,) = await history(version=5)
    one, two = (service.divisions[code].id for code in ("ERP01", "ERP02"))
    assert recorded[:5] == (5, "REVERTED", "GRAPHQL", 1, 4)
    assert recorded.lines == [
        ChangeLine(*before[1], one, 2, 5, 1055, 1055),
        ChangeLine(*before[1], two, 1, 0, 1055, 1055),
        ChangeLine(*after[2], two, 0, 3, None, 2000),
        ChangeLine(*present[3], one, 4, 0, 1000, None),
    ]


async def test_a_revert_can_be_reverted(service: Service) -> None:
    await add(service, line(1, "ERP01", 5))
    await add(service, line(2, "ERP02", 3))
    assert quantities(await reverted(service.main, 1)) == {1: {"ERP01": 5}}
    basket = await reverted(service.main, 2)
    assert quantities(basket) == {1: {"ERP01": 5}, 2: {"ERP02": 3}}
    assert basket["version"] == 4


async def test_a_cleared_basket_comes_back_in_its_order(service: Service) -> None:
    await add(service, line(3, "ERP02", 1), line(1, "ERP03", 2), line(3, "ERP01", 3))
    cleared = await service.main.accepted("basketClear")
    assert cleared["items"] == []
    basket = await reverted(service.main, 1)
    found = [(item, list(parts.items())) for item, parts in quantities(basket).items()]
    assert found == [(3, [("ERP02", 1), ("ERP01", 3)]), (1, [("ERP03", 2)])]
    assert (basket["itemCount"], basket["currency"]) == (2, "try")


async def test_what_stays_keeps_its_price_and_what_comes_back_has_today_s(
    service: Service,
) -> None:
    await add(service, line(1, "ERP01", 5), line(2, "ERP01", 5))
    await update(service, 1, "ERP01", 1)
    await service.main.accepted("basketItemRemove", productRemoteId=2)
    service.shop.sell(1, "99.00")
    service.shop.sell(2, "19.00")
    await age_products()
    basket = await reverted(service.main, 1)
    assert [(item["price"], item["quantity"]) for item in basket["items"]] == [
        ("10.55", 5),
        ("19.00", 5),
    ]
    assert basket["totalAmount"] == "147.75"


async def test_known_products_come_back_without_asking_commerce(service: Service) -> None:
    await add(service, line(1), line(2))
    await service.main.accepted("basketClear")
    asked = len(service.shop.requests)
    service.shop.is_down = True
    await reverted(service.main, 1)
    assert len(service.shop.requests) == asked


async def test_products_known_too_long_are_asked_for_in_one_request(
    service: Service,
) -> None:
    await add(service, line(1), line(2), line(3))
    await service.main.accepted("basketClear")
    await age_products()
    service.shop.requests.clear()
    await reverted(service.main, 1)
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?pk__in=1,2,3&limit=100&page=1"
    ]


async def test_nothing_changes_when_commerce_cannot_be_asked(service: Service) -> None:
    await add(service, line(1), line(2))
    await service.main.accepted("basketClear")
    await age_products()
    service.shop.is_down = True
    for given in ({}, {"onInvalid": "REJECT"}, {"dryRun": True}):
        rejected = await service.main.rejected("basketRevert", toVersion=1, **given)
        assert rejected == [("COMMERCE_UNAVAILABLE", [])]
    assert [change.kind for change in await history()] == ["ITEMS_ADDED", "CLEARED"]


async def withdraw_and_clear(service: Service) -> None:
    """Makes version 2 empty, and lets Commerce sell only the first of three products."""
    await add(service, line(1, "ERP01", 5), line(2, "ERP01", 1), line(3, "ERP02", 2))
    await service.main.accepted("basketClear")
    service.shop.sell(2, "20.00", is_ready_to_basket=False)
    del service.shop.products[3]
    await age_products()


UNSOLD = [
    (1, 2, "ERP01", 1, ["PRODUCT_UNAVAILABLE"]),
    (2, 3, "ERP02", 2, ["PRODUCT_NOT_FOUND"]),
]


async def test_products_no_longer_sold_are_left_out_and_named(service: Service) -> None:
    await withdraw_and_clear(service)
    payload = await revert(service.main, 1)
    assert quantities(payload["basket"]) == {1: {"ERP01": 5}}
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (3, 1)
    assert rejected_lines(payload) == UNSOLD
    assert [each["status"] for each in payload["outcomes"]] == ["REJECTED", "REJECTED"]
    assert [each["sku"] for each in payload["outcomes"]] == ["SKU02", "SKU03"]
    assert payload["outcomes"][1]["errors"] == [
        {
            "code": "PRODUCT_NOT_FOUND",
            "message": "Product 3 is not known to Commerce.",
            "field": ["toVersion"],
        }
    ]
    assert payload["userErrors"] == []
    (recorded,) = await history(kind="REVERTED")
    assert [(each.quantity_before, each.quantity_after) for each in recorded.lines] == [
        (0, 5)
    ]


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_both_executors_answer_outcomes_alike(
    database_url: str, shop: Shop, is_compiled: bool
) -> None:
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        await withdraw_and_clear(service)
        payload = await revert(service.main, 1)
        assert payload["outcomes"][0] == {
            "index": 1,
            "status": "REJECTED",
            "productRemoteId": 2,
            "sku": "SKU02",
            "quantity": 1,
            "division": {"erpCode": "ERP01"},
            "errors": [
                {
                    "code": "PRODUCT_UNAVAILABLE",
                    "message": "Product 2 is not for sale now.",
                    "field": ["toVersion"],
                }
            ],
        }
        assert (len(payload["outcomes"]), payload["acceptedCount"]) == (2, 1)


async def test_rejecting_changes_nothing_for_one_bad_line(service: Service) -> None:
    await withdraw_and_clear(service)
    before = await service.main.everything()
    payload = await revert(service.main, 1, onInvalid="REJECT")
    assert (payload["basket"], payload["acceptedCount"], payload["removedItemIds"]) == (
        None,
        0,
        [],
    )
    assert rejected_lines(payload) == [(0, 1, "ERP01", 5, []), *UNSOLD]
    assert [each["status"] for each in payload["outcomes"]] == [
        "UNCHANGED",
        "REJECTED",
        "REJECTED",
    ]
    assert [error["code"] for error in payload["userErrors"]] == [
        "PRODUCT_UNAVAILABLE",
        "PRODUCT_NOT_FOUND",
    ]
    assert payload["userErrors"] == [
        error for each in payload["outcomes"] for error in each["errors"]
    ]
    assert await service.main.everything() == before
    assert len(await history()) == 2


async def test_rejecting_carries_all_out_when_all_lines_are_good(service: Service) -> None:
    await add(service, line(1), line(2))
    await service.main.accepted("basketClear")
    payload = await revert(service.main, 1, onInvalid="REJECT")
    assert (payload["acceptedCount"], payload["outcomes"]) == (2, [])
    assert quantities(payload["basket"]) == {1: {"ERP01": 1}, 2: {"ERP01": 1}}


async def test_skipping_every_line_makes_no_version(service: Service) -> None:
    await add(service, line(3))
    await service.main.accepted("basketClear")
    del service.shop.products[3]
    await age_products()
    before = await service.main.everything()
    payload = await revert(service.main, 1)
    assert (payload["acceptedCount"], payload["userErrors"]) == (0, [])
    assert rejected_lines(payload) == [(0, 3, "ERP01", 1, ["PRODUCT_NOT_FOUND"])]
    assert (payload["basket"]["version"], payload["basket"]["items"]) == (2, [])
    assert await service.main.everything() == before
    assert len(await history()) == 2


async def test_less_of_what_is_no_longer_sold_can_be_had_and_more_cannot(
    service: Service,
) -> None:
    await add(service, line(1, "ERP01", 2), line(1, "ERP02", 7))
    await update(service, 1, "ERP01", 6)
    await update(service, 1, "ERP02", 3)
    del service.shop.products[1]
    await service.main.accepted("basketRefresh")
    payload = await revert(service.main, 1)
    assert quantities(payload["basket"]) == {1: {"ERP01": 2, "ERP02": 3}}
    assert rejected_lines(payload) == [(1, 1, "ERP02", 7, ["PRODUCT_UNAVAILABLE"])]
    assert payload["acceptedCount"] == 1


async def test_lines_of_closed_and_foreign_divisions_come_back_only_to_less(
    service: Service,
) -> None:
    await add(service, *(line(1, code, 3) for code in ("ERP01", "ERP02", "ERP03")))
    for code in ("ERP01", "ERP02", "ERP03"):
        await update(service, 1, code, 1)
    await set_division_active("ERP02", False)
    other = await Division.get(erp_code="ERP05")
    await Division.filter(erp_code="ERP03").update(parent_id=other.id)
    payload = await revert(service.main, 1)
    assert quantities(payload["basket"]) == {1: {"ERP01": 3, "ERP02": 1, "ERP03": 1}}
    assert rejected_lines(payload) == [
        (1, 1, "ERP02", 3, ["DIVISION_INACTIVE"]),
        (2, 1, None, 3, ["DIVISION_NOT_ALLOWED"]),
    ]
    await set_division_active("ERP02", True)
    await Division.filter(erp_code="ERP03").update(parent_id=service.divisions["ERP01"].id)
    assert quantities(await reverted(service.main, 1)) == {
        1: {"ERP01": 3, "ERP02": 3, "ERP03": 3}
    }
    await set_division_active("ERP02", False)
    await Division.filter(erp_code="ERP03").update(parent_id=other.id)
    assert quantities(await reverted(service.main, 4)) == {
        1: {"ERP01": 1, "ERP02": 1, "ERP03": 1}
    }


async def test_a_line_can_be_rejected_for_its_product_and_its_division(
    service: Service,
) -> None:
    await add(service, line(3, "ERP02"), line(1, "ERP01"))
    await service.main.accepted("basketItemRemove", productRemoteId=3)
    del service.shop.products[3]
    await age_products()
    await set_division_active("ERP02", False)
    payload = await revert(service.main, 1)
    assert rejected_lines(payload) == [
        (0, 3, "ERP02", 1, ["PRODUCT_NOT_FOUND", "DIVISION_INACTIVE"])
    ]


async def test_a_product_in_another_currency_does_not_come_back(service: Service) -> None:
    await add(service, line(1), line(2, "ERP01", 4), line(2, "ERP02", 5))
    await service.main.accepted("basketItemRemove", productRemoteId=2)
    service.shop.sell(2, "20.00", currency_type="eur")
    await age_products()
    payload = await revert(service.main, 1)
    assert rejected_lines(payload) == [
        (0, 2, "ERP01", 4, ["CURRENCY_MISMATCH"]),
        (1, 2, "ERP02", 5, ["CURRENCY_MISMATCH"]),
    ]
    assert payload["outcomes"][0]["errors"][0]["message"] == (
        "Product 2 is priced in eur, the basket in try; all items share one currency."
    )
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (2, 0)


async def test_an_emptied_basket_takes_the_currency_of_what_comes_back(
    service: Service,
) -> None:
    await add(service, line(1), line(2), line(3))
    await service.main.accepted("basketClear")
    await add(service, line(4))
    for product in (1, 3):
        service.shop.sell(product, "5.00", currency_type="eur")
    await age_products()
    payload = await revert(service.main, 1)
    assert quantities(payload["basket"]) == {1: {"ERP01": 1}, 3: {"ERP01": 1}}
    assert (payload["basket"]["currency"], payload["acceptedCount"]) == ("eur", 3)
    assert rejected_lines(payload) == [(1, 2, "ERP01", 1, ["CURRENCY_MISMATCH"])]


async def test_a_dry_run_reports_and_changes_nothing(service: Service) -> None:
    await withdraw_and_clear(service)
    await add(service, line(4, "ERP01", 9))
    before = await service.main.everything()
    payload = await revert(service.main, 1, dryRun=True)
    assert quantities(payload["basket"]) == {4: {"ERP01": 9}}
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (3, 2)
    assert (rejected_lines(payload), payload["removedItemIds"]) == (UNSOLD, [])
    assert await service.main.everything() == before
    rejected = await revert(service.main, 1, dryRun=True, onInvalid="REJECT")
    assert (rejected["basket"], rejected["acceptedCount"]) == (None, 0)
    assert len(rejected["userErrors"]) == 2
    assert len(await history()) == 3


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (-1, "versions 2 to 4 are"),
        (0, "versions 2 to 4 are"),
        (1, "versions 2 to 4 are"),
        (5, "versions 2 to 4 are"),
        (2**31 - 1, "versions 2 to 4 are"),
    ],
)
async def test_a_version_that_is_not_known_is_rejected_with_those_that_are(
    service: Service, asked: int, known: str
) -> None:
    for quantity in range(4):
        await add(service, line(1, "ERP01", quantity + 1))
    await BasketChange.filter(version__lte=2).delete()
    before = await service.main.everything()
    for given in ({}, {"dryRun": True}, {"onInvalid": "REJECT"}):
        payload = await revert(service.main, asked, **given)
        assert payload["userErrors"] == [
            {
                "code": "VERSION_UNKNOWN",
                "message": f"Version {asked} of the basket is not known; {known}.",
                "field": ["toVersion"],
            }
        ]
        assert (payload["basket"], payload["outcomes"]) == (None, [])
    assert await service.main.everything() == before
    assert await BasketChange.all().count() == 2


async def test_lines_of_another_release_cannot_be_undone(service: Service) -> None:
    for quantity in range(3):
        await add(service, line(1, "ERP01", quantity + 1))
    text = '{"format": 99, "lines": []}'
    await BasketChange.filter(version=3).update(lines=text)
    payload = await revert(service.main, 1)
    assert [error["message"] for error in payload["userErrors"]] == [
        "Version 1 of the basket is not known; only version 3, the present one, is."
    ]
    assert (await BasketChange.get(version=3)).lines == text
    assert await service.main.rejected("basketRevert", toVersion=2) == [
        ("VERSION_UNKNOWN", ["toVersion"])
    ]


async def test_reverting_to_the_present_version_changes_nothing(service: Service) -> None:
    await add(service, line(1))
    row = await Basket.get().values()
    payload = await revert(service.main, 1)
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (1, 0)
    assert (payload["outcomes"], payload["removedItemIds"]) == ([], [])
    assert await Basket.get().values() == row
    assert len(await history()) == 1


async def test_reverting_to_equal_quantities_changes_nothing(service: Service) -> None:
    await add(service, line(1, "ERP01", 2))
    await update(service, 1, "ERP01", 5)
    await update(service, 1, "ERP01", 2)
    service.shop.sell(1, "11.00")
    await service.main.accepted("basketRefresh")
    row = await Basket.get().values()
    payload = await revert(service.main, 1)
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (4, 0)
    assert await Basket.get().values() == row
    assert [change.kind for change in await history()] == [
        "ITEMS_ADDED",
        "ITEM_UPDATED",
        "ITEM_UPDATED",
        "REFRESHED",
    ]


async def test_history_reaches_across_saving_and_loading(service: Service) -> None:
    await add(service, line(1, "ERP01", 2), line(2, "ERP02", 3))
    draft = await service.main.accepted("basketSave", name="Draft")
    await add(service, line(3))
    loaded = await service.main.accepted("basketLoad", basketId=draft["id"])
    await service.main.accepted("basketItemRemove", productRemoteId=1)
    await service.main.accepted("basketSave", name="Again")
    await service.main.accepted("basketLoad", basketId=draft["id"])
    basket = await reverted(service.main, loaded["version"])
    assert (basket["id"], basket["version"]) == (draft["id"], 7)
    assert quantities(basket) == {2: {"ERP02": 3}, 1: {"ERP01": 2}}
    assert quantities(await reverted(service.main, 1)) == quantities(basket)


async def test_the_basket_of_the_segment_is_reverted(service: Service) -> None:
    await add(service, line(4, "ERP01", 2), segmentRemoteId=1)
    await add(service, line(4, "ERP01", 9))
    await service.main.accepted("basketClear", segmentRemoteId=1)
    service.shop.sell(4, "7.00", segment_price="6.10")
    await age_products()
    basket = await reverted(service.main, 1, segmentRemoteId=1)
    assert (basket["segmentRemoteId"], basket["totalAmount"]) == (1, "12.20")
    assert quantities(await service.main.basket()) == {4: {"ERP01": 9}}


async def test_there_must_be_an_active_basket_at_the_expected_version(
    service: Service,
) -> None:
    assert await service.main.rejected("basketRevert", toVersion=1) == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    assert await service.main.rejected("basketRevert", toVersion=1, segmentRemoteId=0) == [
        ("INVALID_INPUT", ["segmentRemoteId"])
    ]
    assert await Basket.all().count() == 0
    await add(service, line(1))
    await add(service, line(1))
    for given in ({}, {"dryRun": True}):
        assert await service.main.rejected(
            "basketRevert", toVersion=1, expectedVersion=1, **given
        ) == [("VERSION_CONFLICT", ["expectedVersion"])]
    assert quantities(await reverted(service.main, 1, expectedVersion=2)) == {
        1: {"ERP01": 1}
    }


async def test_a_retry_gets_the_first_outcome_and_changes_nothing_more(
    service: Service,
) -> None:
    await withdraw_and_clear(service)
    first = await revert(service.main, 1, idempotencyKey="key")
    assert (first["acceptedCount"], rejected_lines(first)) == (1, UNSOLD)
    service.shop.sell(3, "1.00")
    await Product.all().update(is_available=True)
    assert await revert(service.main, 1, idempotencyKey="key") == first
    rejected = await revert(service.main, 1, onInvalid="REJECT", idempotencyKey="rejected")
    assert rejected["userErrors"] == []
    await update(service, 1, "ERP01", 0)
    again = await revert(service.main, 1, idempotencyKey="key")
    assert quantities(again.pop("basket")) == {2: {"ERP01": 1}, 3: {"ERP02": 2}}
    assert again == {name: first[name] for name in again}


async def test_a_retry_shows_a_division_only_to_who_may_buy_for_it(
    service: Service,
) -> None:
    await withdraw_and_clear(service)
    first = await revert(service.main, 1, onInvalid="REJECT", idempotencyKey="key")
    assert [line[2] for line in rejected_lines(first)] == ["ERP01", "ERP01", "ERP02"]
    await Division.filter(erp_code="ERP02").update(parent_id=service.divisions["ERP05"].id)
    again = await revert(service.main, 1, onInvalid="REJECT", idempotencyKey="key")
    assert [line[2] for line in rejected_lines(again)] == ["ERP01", "ERP01", None]
    first["outcomes"][2]["division"] = None
    assert again == first


async def test_only_the_outcomes_are_read_where_no_item_is_asked_for(
    service: Service,
) -> None:
    await add(service, line(1))
    await service.main.accepted("basketClear")
    payload = await service.main.change(
        "basketRevert", "basket { totalQuantity } acceptedCount", toVersion=1
    )
    assert payload == {
        "basket": {"totalQuantity": 1},
        "acceptedCount": 1,
        "userErrors": [],
    }
