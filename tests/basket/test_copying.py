"""Copying baskets: from any status and segment, at today's prices, and the source stays as it is."""

from typing import Any

import pytest

from commands.administration import set_division_active
from models.basket.tables import Basket
from models.history.consistency import check_baskets
from models.idempotency import IdempotencyKey
from models.product.tables import Product
from models.user import User
from tests.support.lines import line
from tests.support.many_items import FIRST_REMOTE_ID, fill_basket
from tests.support.outcomes import WITH_REMOVED, errors
from tests.support.reverts import age_products, history, quantities, rejected_lines, revert
from tests.support.service import BASKET, Caller, Service


async def copy(caller: Caller, source: str, **given: Any) -> dict[str, Any]:
    """Copies a basket into the active one, and returns the payload."""
    return await caller.change("basketCopy", WITH_REMOVED, basketId=source, **given)


async def draft(service: Service, *lines: dict[str, object], **given: Any) -> str:
    """Saves a draft of lines and returns its id."""
    await service.main.accepted("basketItemsAdd", items=list(lines), **given)
    saved = await service.main.accepted("basketSave", name="List", **given)
    return str(saved["id"])


async def read(service: Service, basket_id: str) -> dict[str, Any]:
    """Reads a basket by its id."""
    document = f"query Read($id: ID!) {{ basket(id: $id) {{ ...Whole }} }} {BASKET}"
    data = await service.main.query(document, id=basket_id)
    basket: dict[str, Any] = data["basket"]
    return basket


async def test_a_draft_serves_as_a_list_again_and_again(service: Service) -> None:
    source = await draft(service, line(2, "ERP02", 3), line(1), line(2, "ERP01", 4))
    before = await read(service, source)
    for count in (1, 2):
        payload = await copy(service.main, source, expectedVersion=count - 1)
        assert list(quantities(payload["basket"]).items()) == [
            (2, {"ERP02": 3 * count, "ERP01": 4 * count}),
            (1, {"ERP01": count}),
        ]
        assert (payload["acceptedCount"], payload["outcomes"]) == (3, [])
        assert (payload["removedItemIds"], payload["userErrors"]) == ([], [])
    assert await read(service, source) == before
    kinds = [change.kind for change in await history()]
    assert kinds == ["ITEMS_ADDED", "SAVED", "COPIED", "COPIED"]
    assert [checked.differences async for checked in check_baskets()] == [[], []]


async def test_a_submitted_basket_is_ordered_again_at_today_s_prices(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2, "ERP03", 2)])
    payload = await service.main.change(
        "quotationRequest", "quotation { basket { id } }", name="Q"
    )
    source = payload["quotation"]["basket"]["id"]
    before = await read(service, source)
    service.shop.sell(1, "99.00")
    await age_products(segment=0)
    copied = (await copy(service.main, source))["basket"]
    assert [(item["price"], item["quantity"]) for item in copied["items"]] == [
        ("99.00", 1),
        ("20.00", 2),
    ]
    assert await read(service, source) == before


async def test_the_active_basket_of_another_segment_is_copied_at_the_prices_of_this_one(
    service: Service,
) -> None:
    first = await service.main.accepted("basketItemsAdd", items=[line(4, "ERP02", 3)])
    copied = (await copy(service.main, first["id"], segmentRemoteId=9))["basket"]
    assert (copied["totalAmount"], copied["segmentRemoteId"]) == ("18.90", 9)
    assert await service.main.basket() == first


async def test_lines_that_cannot_be_had_are_outcomes(service: Service) -> None:
    source = await draft(
        service, line(1), line(2), line(3, "ERP03"), line(4), line(4, "ERP02"), line(4)
    )
    del service.shop.products[1]
    service.shop.sell(2, "20.00", is_ready_to_basket=False)
    service.shop.sell(4, "7.00", currency_type="eur")
    await age_products()
    await set_division_active("ERP03", is_active=False)
    await service.main.accepted("basketItemsAdd", items=[line(5)])
    await Product.filter(remote_id=5).update(currency="eur")
    payload = await copy(service.main, source)
    assert rejected_lines(payload) == [
        (0, 1, "ERP01", 1, ["PRODUCT_NOT_FOUND"]),
        (1, 2, "ERP01", 1, ["PRODUCT_UNAVAILABLE"]),
        (2, 3, "ERP03", 1, ["DIVISION_INACTIVE", "CURRENCY_MISMATCH"]),
    ]
    assert quantities(payload["basket"]) == {
        5: {"ERP01": 1},
        4: {"ERP01": 2, "ERP02": 1},
    }
    assert (payload["acceptedCount"], payload["userErrors"]) == (2, [])
    before = await service.main.basket()
    strict = await copy(service.main, source, onInvalid="REJECT")
    assert errors(strict) == [
        ("PRODUCT_UNAVAILABLE", ["basketId"]),
        ("PRODUCT_UNAVAILABLE", ["basketId"]),
        ("DIVISION_INACTIVE", ["basketId"]),
        ("CURRENCY_MISMATCH", ["basketId"]),
    ]
    assert [each["status"] for each in strict["outcomes"]] == [
        *["REJECTED"] * 3,
        *["UNCHANGED"] * 2,
    ]
    assert (strict["basket"], await service.main.basket()) == (None, before)


async def test_the_divisions_of_a_former_company_are_not_shown(service: Service) -> None:
    source = await draft(service, line(1), line(2))
    moved = service.divisions["ERP05"]
    await User.filter(email="main@example.invalid").update(division=moved)
    payload = await copy(service.main, source)
    assert rejected_lines(payload) == [
        (0, 1, None, 1, ["DIVISION_NOT_ALLOWED"]),
        (1, 2, None, 1, ["DIVISION_NOT_ALLOWED"]),
    ]
    assert (payload["basket"], await Basket.filter(status="ACTIVE").count()) == (None, 0)


async def test_replacing_empties_the_basket_first(service: Service) -> None:
    source = await draft(service, line(1, "ERP01", 5), line(2, "ERP01", 1))
    await service.main.accepted("basketItemsAdd", items=[line(1, "ERP02", 3), line(3)])
    service.shop.sell(1, "11.00")
    await age_products()
    payload = await copy(service.main, source, mode="REPLACE", idempotencyKey="key")
    assert quantities(payload["basket"]) == {1: {"ERP01": 5}, 2: {"ERP01": 1}}
    assert payload["basket"]["totalAmount"] == "75.00"
    assert len(payload["removedItemIds"]) == 2
    again = await copy(service.main, source, mode="REPLACE", idempotencyKey="key")
    assert again == payload
    assert [checked.differences async for checked in check_baskets()] == [[], []]
    (*_, change) = await history()
    assert (change.kind, change.line_count) == ("COPIED", 4)
    delta = "{ activeBasket { delta(sinceVersion: 1) { items { productRemoteId } removedItemIds } } }"
    found = (await service.main.query(delta))["activeBasket"]["delta"]
    assert [each["productRemoteId"] for each in found["items"]] == [1, 2]
    assert found["removedItemIds"] == payload["removedItemIds"]
    back = await revert(service.main, 1)
    assert quantities(back["basket"]) == {1: {"ERP02": 3}, 3: {"ERP01": 1}}


async def test_replacing_changes_the_currency_but_nothing_when_no_line_is_good(
    service: Service,
) -> None:
    source = await draft(service, line(5, "ERP01", 2))
    before = await service.main.accepted("basketItemsAdd", items=[line(1)])
    added = await copy(service.main, source)
    assert rejected_lines(added) == [(0, 5, "ERP01", 2, ["CURRENCY_MISMATCH"])]
    assert added["basket"] == before
    replaced = await copy(service.main, source, mode="REPLACE")
    assert replaced["basket"]["currency"] == "eur"
    await Product.all().update(is_available=False)
    del service.shop.products[5]
    nothing = await copy(service.main, source, mode="REPLACE")
    assert (nothing["acceptedCount"], nothing["basket"]) == (0, replaced["basket"])


async def test_some_products_are_copied(service: Service) -> None:
    source = await draft(service, line(1), line(2), line(2, "ERP02"), line(3))
    payload = await copy(service.main, source, productRemoteIds=[2, 2, 3])
    assert quantities(payload["basket"]) == {2: {"ERP01": 1, "ERP02": 1}, 3: {"ERP01": 1}}
    unknown = await copy(service.main, source, productRemoteIds=[2, 404])
    assert errors(unknown) == [("PRODUCT_NOT_IN_BASKET", ["productRemoteIds", "1"])]
    none = await copy(service.main, source, productRemoteIds=[])
    assert (none["acceptedCount"], none["basket"]) == (0, payload["basket"])


async def test_a_basket_is_not_copied_into_itself(service: Service) -> None:
    before = await service.main.accepted("basketItemsAdd", items=[line(1)])
    for given in ({}, {"mode": "REPLACE"}, {"dryRun": True}):
        payload = await copy(service.main, before["id"], **given)
        assert errors(payload) == [("INVALID_INPUT", ["basketId"])]
    assert await service.main.basket() == before


async def test_unknown_and_foreign_baskets_are_not_found(service: Service) -> None:
    source = await draft(service, line(1))
    for caller, basket_id in (
        (service.main, "basket_999999"),
        (service.main, "x"),
        (service.sub, source),
    ):
        rejected = await caller.rejected("basketCopy", basketId=basket_id)
        assert rejected == [("BASKET_NOT_FOUND", ["basketId"])]
        rejected = await caller.rejected("basketRename", basketId=basket_id, name="N")
        assert rejected == [("BASKET_NOT_FOUND", ["basketId"])]


async def test_a_dry_run_reports_and_changes_nothing(service: Service) -> None:
    source = await draft(service, line(1), line(2))
    del service.shop.products[1]
    await age_products()
    payload = await copy(service.main, source, dryRun=True)
    assert (payload["acceptedCount"], payload["basket"]) == (1, None)
    assert rejected_lines(payload) == [(0, 1, "ERP01", 1, ["PRODUCT_NOT_FOUND"])]
    assert await Basket.filter(status="ACTIVE").count() == 0
    conflict = await copy(service.main, source, dryRun=True, expectedVersion=3)
    assert errors(conflict) == [("VERSION_CONFLICT", ["expectedVersion"])]


async def test_a_commerce_that_cannot_be_asked_rejects_the_lines_it_was_needed_for(
    service: Service,
) -> None:
    source = await draft(service, line(1), line(2))
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    await age_products()
    service.shop.is_down = True
    given = {"mode": "REPLACE", "idempotencyKey": "key"}
    unasked = await copy(service.main, source, **given)
    assert [codes for *_, codes in rejected_lines(unasked)] == [
        ["COMMERCE_UNAVAILABLE"]
    ] * 2
    assert await IdempotencyKey.filter(key="key").count() == 0
    strict = await copy(service.main, source, onInvalid="REJECT")
    assert errors(strict) == [("COMMERCE_UNAVAILABLE", [])]
    added = await copy(service.main, source)
    assert quantities(added["basket"]) == {1: {"ERP01": 2}}


@pytest.mark.long
async def test_ten_thousand_lines_are_copied(service: Service) -> None:
    await fill_basket(divisions=2)
    source = (await service.main.accepted("basketSave", name="Large"))["id"]
    payload = await service.main.change(
        "basketCopy",
        "acceptedCount outcomes { index } basket { itemCount totalQuantity version }",
        basketId=source,
    )
    assert payload["basket"] == {
        "itemCount": 10_000,
        "totalQuantity": 20_000,
        "version": 1,
    }
    assert (payload["acceptedCount"], payload["outcomes"]) == (20_000, [])
    await Product.filter(remote_id__gte=FIRST_REMOTE_ID + 100).update(is_available=False)
    await service.main.accepted("basketClear")
    some = await service.main.change(
        "basketCopy", "acceptedCount outcomes { index }", basketId=source
    )
    assert some["acceptedCount"] == 200
    assert [each["index"] for each in some["outcomes"]] == list(range(200, 1_200))
    assert service.shop.requests == []


async def test_a_draft_gets_another_name(service: Service) -> None:
    source = await draft(service, line(1))
    before = await read(service, source)
    renamed = await service.main.accepted("basketRename", basketId=source, name=" New ")
    assert renamed == before | {"name": "New", "version": 3}
    again = await service.main.accepted("basketRename", basketId=source, name="New")
    assert again == renamed
    (*_, change) = await history()
    assert (change.kind, change.line_count, change.version) == ("RENAMED", 0, 3)
    blank = await service.main.rejected("basketRename", basketId=source, name=" ")
    assert blank == [("NAME_REQUIRED", ["name"])]
    active = await service.main.accepted("basketLoad", basketId=source)
    rejected = await service.main.rejected("basketRename", basketId=active["id"], name="N")
    assert rejected == [("BASKET_NOT_DRAFT", ["basketId"])]


async def test_a_renamed_draft_keeps_its_place(service: Service) -> None:
    first, second = await draft(service, line(1)), await draft(service, line(2))
    await service.main.accepted("basketRename", basketId=first, name="New")
    drafts = (await service.main.everything())["draftBaskets"]["edges"]
    assert [each["node"]["id"] for each in drafts] == [second, first]
