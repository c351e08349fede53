"""Pasted rows: read in the one way that they can be read in, or rejected."""

import csv
from typing import Any

import pytest

from models.basket.tables import Basket
from tasks.spreadsheets.pasted_text import read_pasted_text
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tests.support import sheets
from tests.support.imports import document, send
from tests.support.reverts import quantities
from tests.support.service import Caller, Service

Row = tuple[int, str, int, str]


def read(
    text: str, *, optional: bool = False
) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """Returns the good rows, and the row, column and code of the errors."""
    sheet = read_pasted_text(text, is_division_optional=optional)
    errors = [(error.row, error.column, error.code.value) for error in sheet.errors]
    assert sheet.rows_read == len(sheet.rows) + sheet.error_count
    return list(sheet.rows), errors


@pytest.mark.parametrize(
    ("line", "sku", "quantity"),
    [
        ("SKU01\t3\tERP01", "SKU01", 3),
        ("SKU01;3;ERP01", "SKU01", 3),
        ("SKU01,3,ERP01", "SKU01", 3),
        ("SKU01, 3, ERP01", "SKU01", 3),
        ("SKU01 3 ERP01", "SKU01", 3),
        ("  SKU01    3     ERP01  ", "SKU01", 3),
        ("SKU01;3;ERP01;", "SKU01", 3),
        ("3 x SKU01 ERP01", "SKU01", 3),
        ("3x SKU01 ERP01", "SKU01", 3),
        ("SKU01 x3 ERP01", "SKU01", 3),
        ("SKU01 x 3 ERP01", "SKU01", 3),
        ("SKU01 3x ERP01", "SKU01", 3),
        ("3 \u00d7 SKU01 ERP01", "SKU01", 3),
        ("SKU01\tx3\tERP01", "SKU01", 3),
        ("SKU01;3 x;ERP01", "SKU01", 3),
        ("SKU01;3,00;ERP01", "SKU01", 3),
        ("RED PEN, 5\t3\tERP01", "RED PEN, 5", 3),
        ('"RED PEN, 5";3;ERP01', "RED PEN, 5", 3),
        ('"RED PEN" 3 ERP01', "RED PEN", 3),
        (" SKU01\t3\tERP01", " SKU01", 3),
        ("5 x3 ERP01", "5", 3),
        ("5\t3\tERP01", "5", 3),
        ("5 3 ERP01", "5", 3),
    ],
)
def test_a_row_is_read_as_people_paste_it(line: str, sku: str, quantity: int) -> None:
    rows, errors = read(line)
    assert errors == []
    assert [
        (number, found.strip("\u0000"), pieces) for number, found, pieces, _ in rows
    ] == [(1, sku, quantity)]
    assert rows[0][3].strip() == "ERP01"


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("3 x 5 ERP01", "product__sku", "INVALID_INPUT"),
        ("3x 5 ERP01", "product__sku", "INVALID_INPUT"),
        ("SKU01 1,5 ERP01", "product__sku", "INVALID_INPUT"),
        ("A,B;3;ERP01", "product__sku", "INVALID_INPUT"),
        ("RED PEN;3;ERP01", "product__sku", "INVALID_INPUT"),
        ("SKU01,1,000,ERP01", "product__sku", "INVALID_INPUT"),
        ("one two three four five", "product__sku", "INVALID_INPUT"),
        ('"SKU01;3;ERP01', "product__sku", "INVALID_INPUT"),
        ("SKU01;1.000;ERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01;2,5;ERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01 1.000 ERP01", "quantity", "INVALID_QUANTITY"),
        ("3;SKU01;ERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01;0;ERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01\t-1\tERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01;;ERP01", "quantity", "INVALID_QUANTITY"),
        ("SKU01;3", "division__erp_code", "INVALID_INPUT"),
        ("SKU01 x3", "division__erp_code", "INVALID_INPUT"),
        (";3;ERP01", "product__sku", "INVALID_INPUT"),
        ("A\u0007\t3\tERP01", "product__sku", "INVALID_INPUT"),
    ],
)
def test_what_is_ambiguous_or_wrong_is_rejected(line: str, column: str, code: str) -> None:
    assert read(f"SKU02;1;ERP01\n{line}") == (
        [(1, "SKU02", 1, "ERP01")],
        [(2, column, code)],
    )


@pytest.mark.parametrize(
    "header",
    [
        "product__sku\tquantity\tdivision__erp_code",
        "SKU;Qty;ERP Code",
        "sku quantity division",
        "Article, Pieces, Store",
    ],
)
def test_a_header_is_told_by_its_names(header: str) -> None:
    delimiter = next((each for each in "\t;," if each in header), " ")
    text = f"\n{header}\n\n{delimiter.join(('SKU01', '3', 'ERP01'))}\r\n"
    assert read(text) == ([(4, "SKU01", 3, "ERP01")], [])


def test_a_header_may_have_other_columns_in_another_order() -> None:
    text = "Qty;Price;Division;SKU\n3;9,99;ERP01;SKU01\n;1,00;ERP01;SKU02"
    assert read(text) == (
        [(2, "SKU01", 3, "ERP01")],
        [(3, "quantity", "INVALID_QUANTITY")],
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [("SKU;Division\nSKU01;ERP01", "MISSING_COLUMN"), ("SKU;SKU;Qty", "FILE_UNREADABLE")],
)
def test_a_header_without_its_columns_is_rejected(text: str, code: str) -> None:
    with pytest.raises(SpreadsheetRejected) as raised:
        read(text)
    assert raised.value.code == code


@pytest.mark.parametrize("text", ["SKU,Qty\nA,1,000", "Qty;SKU\n3;A;x", "SKU Qty\nA 1 5"])
def test_a_row_with_more_parts_than_the_header_is_rejected(text: str) -> None:
    rows, errors = read(text, optional=True)
    assert (rows, [error[0] for error in errors]) == ([], [2])


def test_a_word_of_a_header_alone_is_a_sku() -> None:
    assert read("sku;3;ERP01")[0] == [(1, "sku", 3, "ERP01")]


def test_a_division_may_be_left_out_where_there_is_a_default() -> None:
    rows, errors = read("SKU01;3\nSKU02;1;ERP02\n2 x SKU03\nSKU04;1;", optional=True)
    assert errors == []
    assert [(sku, erp_code) for _, sku, _, erp_code in rows] == [
        ("SKU01", ""),
        ("SKU02", "ERP02"),
        ("SKU03", ""),
        ("SKU04", ""),
    ]


def test_too_many_rows_and_hostile_cells_are_rejected_quickly() -> None:
    with pytest.raises(SpreadsheetRejected, match="more than 2 rows"):
        read_pasted_text(
            "a\nb\nc", is_division_optional=False, limits=SpreadsheetLimits(rows=2)
        )
    hostile = ["SKU01\t" + " " * 100_000 + "a", "1" * 200_000, '"' * 99_999, "x " * 50_000]
    rows, errors = read("\n".join(hostile))
    assert (rows, {number for number, *_ in errors}) == ([], {1, 2, 3, 4})


def test_marks_without_number_in_the_first_row_keep_nobody_busy() -> None:
    # To bring so many marks into their order would take several minutes.
    marks = ";".join(["e" + "\u0315\u0300" * 16_000] * 400)
    assert read(f"sku;quantity;store;{marks}\nA;1;B") == ([(2, "A", 1, "B")], [])
    assert read(f"{marks};1;B") == ([], [(1, "product__sku", "INVALID_INPUT")])


def test_a_cell_is_as_long_as_it_likes_whatever_file_was_read_before() -> None:
    csv.field_size_limit(10)
    note = "n" * 200_000
    assert read(f"sku;quantity;store;{note}\nA;1;B;{note}") == ([(2, "A", 1, "B")], [])


def test_spaces_around_the_name_of_a_column_do_not_count_for_its_length() -> None:
    spaces = " \u3000" * 500
    assert read(f"{spaces}sku{spaces};quantity;store\nA;1;B") == ([(2, "A", 1, "B")], [])


async def paste(caller: Caller, text: str | None, **given: Any) -> dict[str, Any]:
    """Imports pasted rows and returns the payload."""
    if text is not None:
        given["text"] = text
    data = await caller.query(document("basket { ...Whole }"), input=given)
    payload: dict[str, Any] = data["basketImport"]
    return payload


async def test_pasted_rows_are_imported_as_a_file_is(service: Service) -> None:
    text = "SKU\tQty\tDivision\nSKU01\t2\tERP02\nSKU02\t1\nSKU01\t1\tERP02\nNONE\t1\n"
    given = {"defaultDivisionErpCode": "ERP01", "idempotencyKey": "key"}
    rejected = await paste(service.main, text, **given)
    assert rejected["userErrors"] == [
        {
            "code": "INVALID_ROWS",
            "message": "1 row cannot be imported, so nothing was.",
            "field": ["text"],
        }
    ]
    (error,) = rejected["report"]["rowErrors"]
    assert (error["row"], error["column"], error["value"], error["code"]) == (
        5,
        "product__sku",
        "NONE",
        "PRODUCT_NOT_FOUND",
    )
    assert await Basket.all().count() == 0
    assert await paste(service.main, text, **given) == rejected
    skipping: dict[str, Any] = {"defaultDivisionErpCode": "ERP01", "skipInvalidRows": True}
    payload = await paste(service.main, text, **skipping)
    assert quantities(payload["basket"]) == {1: {"ERP02": 3}, 2: {"ERP01": 1}}
    assert (payload["report"]["rowsRead"], payload["report"]["rowsImported"]) == (4, 3)
    again = await paste(service.main, text, dryRun=True, **skipping)
    assert (again["basket"], again["report"]["rowsImported"]) == (None, 3)


async def test_a_default_division_serves_files_too(service: Service) -> None:
    content = b"product__sku,quantity\nSKU01,3\n"
    missing = await send(service.main, content)
    assert [error["code"] for error in missing["userErrors"]] == ["MISSING_COLUMN"]
    payload = await send(service.main, content, defaultDivisionErpCode=" ERP02 ")
    assert quantities(payload["basket"]) == {1: {"ERP02": 3}}
    rows = [["SKU01", 1, ""], ["SKU01", 2, "ERP01"]]
    for write in sheets.WRITERS.values():
        await service.main.accepted("basketClear")
        payload = await send(service.main, write(rows), defaultDivisionErpCode="ERP02")
        assert quantities(payload["basket"]) == {1: {"ERP02": 1, "ERP01": 2}}


@pytest.mark.parametrize(
    ("erp_code", "code"),
    [
        ("ERP99", "DIVISION_NOT_FOUND"),
        ("ERP05", "DIVISION_NOT_ALLOWED"),
        ("ERP04", "DIVISION_INACTIVE"),
        (" ", "INVALID_INPUT"),
    ],
)
async def test_a_default_division_is_one_to_buy_for(
    service: Service, erp_code: str, code: str
) -> None:
    payload = await paste(service.main, "SKU01;1", defaultDivisionErpCode=erp_code)
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == (code, ["defaultDivisionErpCode"])
    assert (payload["report"], await Basket.all().count()) == (None, 0)


async def test_exactly_one_of_file_and_text_is_sent(service: Service) -> None:
    both = await send(
        service.main, sheets.csv([["SKU01", 1, "ERP01"]]), text="SKU01;1;ERP01"
    )
    neither = await paste(service.main, None)
    keyed = await paste(service.main, None, idempotencyKey="key")
    for payload in (both, neither, keyed):
        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_INPUT", ["file"])
    empty = await paste(service.main, " \n ")
    (error,) = empty["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_ROWS", ["text"])


async def test_a_key_is_bound_to_the_text(service: Service) -> None:
    first = await paste(service.main, "SKU01;1;ERP01", idempotencyKey="key")
    assert await paste(service.main, "SKU01;1;ERP01", idempotencyKey="key") == first
    other = await paste(service.main, "SKU01;2;ERP01", idempotencyKey="key")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
