"""Importing spreadsheets over HTTP: rows, reports, rejections, and the multipart requests that carry them."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import ods, sheets
from tests.support.imports import ROWS, post, send
from tests.support.service import Service


@pytest.mark.parametrize("kind", sheets.WRITERS)
async def test_an_import_is_one_change_with_one_question_to_commerce(
    service: Service, kind: str
) -> None:
    payload = await send(service.main, sheets.WRITERS[kind](ROWS))
    basket = payload["basket"]
    assert payload["report"] == {"rowsRead": 4, "rowsImported": 4, "rowErrors": []}
    assert (basket["totalAmount"], basket["totalQuantity"], basket["version"]) == (
        "81.65",
        6,
        1,
    )
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?sku__in=SKU01,SKU02,SKU03&limit=100&page=1",
    ]
    again = await send(service.main, sheets.WRITERS[kind](ROWS))
    assert (again["basket"]["totalQuantity"], again["basket"]["version"]) == (12, 2)
    assert len(service.shop.requests) == 1


async def test_the_same_product_and_division_twice_adds_up(service: Service) -> None:
    payload = await send(
        service.main, sheets.csv([["SKU01", 2, "ERP01"], ["SKU01", 3, "ERP01"]])
    )
    assert [item["quantity"] for item in payload["basket"]["items"]] == [5]


BAD = [
    ["SKU01", 1, "ERP01"],
    ["SKU01", 2.5, "ERP01"],
    ["NONE", 1, "ERP01"],
    ["SKU06", 1, "ERP01"],
    ["SKU01", 1, "ERP05"],
    ["SKU01", 1, "ERP99"],
    ["SKU05", 1, "ERP01"],
    ["SKU01", 1_000_000, "ERP01"],
    ["", 1, "ERP01"],
]


ERRORS = [
    (3, "quantity", "2.5", "INVALID_QUANTITY"),
    (4, "product__sku", "NONE", "PRODUCT_NOT_FOUND"),
    (5, "product__sku", "SKU06", "PRODUCT_UNAVAILABLE"),
    (6, "division__erp_code", "ERP05", "DIVISION_NOT_ALLOWED"),
    (7, "division__erp_code", "ERP99", "DIVISION_NOT_FOUND"),
    (8, "product__sku", "SKU05", "CURRENCY_MISMATCH"),
    (9, "quantity", "1000000", "INVALID_QUANTITY"),
    (10, "product__sku", None, "INVALID_INPUT"),
]


def listed(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Returns the row errors in short."""
    errors = payload["report"]["rowErrors"]
    return [
        (error["row"], error["column"], error["value"] or None, error["code"])
        for error in errors
    ]


async def test_one_bad_row_and_nothing_is_imported(service: Service) -> None:
    payload = await send(service.main, sheets.csv(BAD))
    assert payload["basket"] is None
    assert (payload["report"]["rowsRead"], payload["report"]["rowsImported"]) == (9, 0)
    assert listed(payload) == ERRORS
    assert payload["userErrors"] == [
        {
            "code": "INVALID_ROWS",
            "message": "8 rows cannot be imported, so nothing was.",
            "field": ["file"],
        }
    ]
    assert await service.main.basket() is None


MANY_FAULTS = [
    ("SKU01", "ERP01", []),
    ("GONE7", "ERP88", ["PRODUCT_NOT_FOUND", "DIVISION_NOT_FOUND"]),
    ("SKU05", "ERP05", ["CURRENCY_MISMATCH", "DIVISION_NOT_ALLOWED"]),
    ("SKU06", "ERP04", ["PRODUCT_UNAVAILABLE", "DIVISION_INACTIVE"]),
]


async def test_each_fault_of_a_row_is_reported_as_those_of_a_line_are(
    service: Service,
) -> None:
    rows = [[sku, 1, erp_code] for sku, erp_code, _ in MANY_FAULTS]
    payload = await send(service.main, sheets.csv(rows))
    assert payload["userErrors"][0]["message"] == (
        "3 rows cannot be imported, so nothing was."
    )
    assert [(row, code) for row, _, _, code in listed(payload)] == [
        (number, code)
        for number, (_, _, codes) in enumerate(MANY_FAULTS, start=2)
        for code in codes
    ]
    items = [
        {"sku": sku, "divisionErpCode": erp_code, "quantity": 1}
        for sku, erp_code, _ in MANY_FAULTS
    ]
    lines = await service.main.change(
        "basketItemsAdd", "outcomes { errors { code } }", items=items, onInvalid="SKIP"
    )
    found = {
        tuple(sorted(error["code"] for error in outcome["errors"]))
        for outcome in lines["outcomes"]
        if outcome["errors"]
    }
    assert found == {tuple(sorted(codes)) for _, _, codes in MANY_FAULTS if codes}


async def test_a_single_bad_row_is_one_row(service: Service) -> None:
    payload = await send(
        service.main, sheets.csv([["SKU01", "1.000", "ERP01"]], delimiter=";")
    )
    assert [error["message"] for error in payload["userErrors"]] == [
        "1 row cannot be imported, so nothing was."
    ]
    assert listed(payload) == [(2, "quantity", "1.000", "INVALID_QUANTITY")]
    assert await service.main.basket() is None


async def test_an_ods_file_is_imported(service: Service) -> None:
    payload = await send(service.main, ods.book([["SKU01", "2", "ERP01"]]))
    assert (payload["userErrors"], payload["report"]["rowsImported"]) == ([], 1)
    assert payload["basket"]["totalQuantity"] == 2


async def test_bad_rows_are_skipped_when_asked_for(service: Service) -> None:
    payload = await send(service.main, sheets.csv(BAD), skipInvalidRows=True)
    assert (payload["report"]["rowsImported"], payload["userErrors"], listed(payload)) == (
        1,
        [],
        ERRORS,
    )
    assert payload["basket"]["totalQuantity"] == 1


async def test_nothing_of_an_upload_outlives_the_request(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    # Other tests that run now have uploads of their own.
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    await send(service.main, sheets.csv(ROWS))
    await send(service.main, b"<html></html>")
    assert list(folder.iterdir()) == []


async def test_a_dry_run_only_reports(service: Service) -> None:
    payload = await send(service.main, sheets.csv(ROWS), dryRun=True)
    assert (
        payload["basket"],
        payload["report"]["rowsImported"],
        payload["userErrors"],
    ) == (None, 4, [])
    assert await service.main.basket() is None


async def test_an_import_without_a_good_row_makes_no_basket(service: Service) -> None:
    for rows in ([], [["NONE", 1, "ERP01"]]):
        payload = await send(service.main, sheets.csv(rows), skipInvalidRows=True)
        assert [error["code"] for error in payload["userErrors"]] == ["INVALID_ROWS"]
    assert await service.main.basket() is None


async def test_files_that_cannot_be_read_are_rejected(service: Service) -> None:
    for content, code in (
        (b"<html></html>", "FILE_UNREADABLE"),
        (b"a,b\n1,2\n", "MISSING_COLUMN"),
        (b"x" * 10_000_001, "FILE_TOO_LARGE"),
    ):
        payload = await send(service.main, content)
        assert (payload["basket"], payload["report"]) == (None, None)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            (code, ["file"])
        ]


async def test_an_upload_far_too_large_is_not_read_to_its_end(service: Service) -> None:
    response = await post(service.main, b"x" * 22_000_000)
    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
        413,
        {"code": "FILE_TOO_LARGE"},
    )


async def test_a_retry_with_the_same_file_gets_the_first_answer(service: Service) -> None:
    first = await send(service.main, sheets.csv(ROWS), idempotencyKey="key")
    assert await send(service.main, sheets.csv(ROWS), idempotencyKey="key") == first
    other = await send(service.main, sheets.csv(ROWS[:1]), idempotencyKey="key")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    basket = await service.main.basket()
    assert basket is not None
    assert basket["version"] == 1


async def test_a_rejected_import_is_answered_again_with_its_report(
    service: Service,
) -> None:
    first = await send(service.main, sheets.csv(BAD), idempotencyKey="key")
    assert await send(service.main, sheets.csv(BAD), idempotencyKey="key") == first
    assert listed(first) == ERRORS


async def test_nothing_changes_when_commerce_is_down_or_the_version_is_stale(
    service: Service,
) -> None:
    stale = await send(service.main, sheets.csv(ROWS), expectedVersion=7)
    assert [error["code"] for error in stale["userErrors"]] == ["VERSION_CONFLICT"]
    service.shop.is_down = True
    payload = await send(service.main, sheets.csv([["SKU04", 1, "ERP01"]]))
    assert [error["code"] for error in payload["userErrors"]] == ["COMMERCE_UNAVAILABLE"]
    assert await service.main.basket() is None
