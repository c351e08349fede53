"""Reading spreadsheets: every format, every odd value, by real writers."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt

from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import Spreadsheet, SpreadsheetRows
from tests.support import sheets
from tests.support.reading import read_here, sheet_of


@pytest.mark.parametrize("kind", sheets.WRITERS)
async def test_every_format_reads_alike(kind: str, tmp_path: Path) -> None:
    rows: sheets.Rows = [
        ["SKU01", 3, "ERP01"],
        ["SKU02", "3", "ERP02"],
        ["ŞKÜ 03", 3.0, "ERP03"],
    ]
    assert await sheet_of(sheets.WRITERS[kind](rows), tmp_path) == Spreadsheet(
        rows_read=3,
        rows=SpreadsheetRows(
            [2, 3, 4], ["SKU01", "SKU02", "ŞKÜ 03"], [3, 3, 3], ["ERP01", "ERP02", "ERP03"]
        ),
        errors=[],
        error_count=0,
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1254"]
)
def test_csv_is_read_in_every_encoding_with_every_delimiter(
    delimiter: str, encoding: str
) -> None:
    content = sheets.csv([["İĞŞ", 2, "ERP01"]], delimiter=delimiter, encoding=encoding)
    assert read_here(content)["rows"] == [(2, "İĞŞ", 2, "ERP01")]


def test_headers_forgive_case_spaces_order_and_other_columns() -> None:
    header = [" Division__ERP_code", "note", "QUANTITY ", "Product __ SKU"]
    for write in (sheets.xls, sheets.xlsx):
        assert read_here(write([["ERP01", "x", 2, "SKU01"]], header))["rows"] == [
            (2, "SKU01", 2, "ERP01")
        ]


def test_a_missing_column_is_named_and_a_double_one_rejected() -> None:
    assert read_here(sheets.csv([], ["product__sku", "amount"]))["rejected"] == [
        "MISSING_COLUMN",
        "The columns quantity and division__erp_code are missing; "
        "the first filled row, row 1, has: 'product__sku', 'amount'. "
        "Write quantity and division__erp_code into the first filled row.",
    ]
    assert read_here(b"\n\nproduct__sku,quantity\n")["rejected"] == [
        "MISSING_COLUMN",
        "The column division__erp_code is missing; the first filled row, row 3, has: "
        "'product__sku', 'quantity'. Write division__erp_code into the first filled row.",
    ]
    header = ["product__sku", "quantity", "division__erp_code", "Quantity"]
    assert read_here(sheets.csv([], header))["rejected"] == [
        "FILE_UNREADABLE",
        "The column quantity occurs 2 times in row 1: in B and D. Name one of them differently.",
    ]


def test_empty_rows_are_skipped_and_numbers_stay_as_shown() -> None:
    rows: sheets.Rows = [
        [None, None, None],
        ["SKU01", 1, "ERP01"],
        ["", " ", None],
        ["SKU02", 0, "ERP01"],
    ]
    for write in (sheets.xls, sheets.xlsx, sheets.csv):
        content = read_here(write(rows))
        assert (content["rows_read"], content["rows"]) == (2, [(3, "SKU01", 1, "ERP01")])
        assert content["errors"][0][:2] == (5, "quantity")


@pytest.mark.parametrize(
    "quantity",
    [
        2.5,
        -1,
        0,
        1e308,
        1_000_001,
        True,
        datetime(2026, 1, 1),  # noqa: DTZ001
        "two",
        "1_0",
        "1,000",
        "2,5",
        "٣",
        "１",
        "0x1",
        "1e2",
        "",
    ],
)
def test_other_quantities_are_rejected_with_row_column_and_value(quantity: Any) -> None:
    for write in (sheets.xls, sheets.openpyxl_book):
        content = read_here(write([["SKU01", quantity, "ERP01"]]))
        ((row, column, _, code, _),) = content["errors"]
        assert (content["rows"], row, column, code, content["error_count"]) == (
            [],
            2,
            "quantity",
            "INVALID_QUANTITY",
            1,
        )


def test_a_rejected_value_is_shown_and_cut() -> None:
    content = read_here(sheets.xlsx([["SKU01", "x" * 500, "ERP01"]]))
    assert content["errors"][0][2] == "x" * 100


def test_texts_are_what_is_seen_and_not_what_python_makes_of_numbers() -> None:
    assert read_here(sheets.xls([[1001, 1, 7.0]]))["rows"] == [(2, "1001", 1, "7")]
    written = sheets.csv([["1E5", 1, "007"], ["1.10", 1, "0010"]])
    assert read_here(written)["rows"] == [(2, "1E5", 1, "007"), (3, "1.10", 1, "0010")]
    odd = read_here(sheets.openpyxl_book([[True, 1, datetime(2026, 1, 1)]]))  # noqa: DTZ001
    assert [error[1] for error in odd["errors"]] == ["product__sku", "division__erp_code"]
    assert odd["error_count"] == 1


def test_at_most_a_thousand_errors_are_listed_and_all_rows_counted() -> None:
    content = read_here(sheets.csv([["SKU01", "no", "ERP01"]] * 1_500))
    assert (len(content["errors"]), content["error_count"], content["rows_read"]) == (
        1_000,
        1_500,
        1_500,
    )


def test_the_first_visible_sheet_counts() -> None:
    book = openpyxl.Workbook()
    for name, state in (
        ("a", "veryHidden"),
        ("b", "hidden"),
        ("c", "visible"),
        ("d", "visible"),
    ):
        sheet = book.create_sheet(name)
        sheet.append(list(sheets.HEADER))
        sheet.append([name, 1, "ERP01"])
        sheet.sheet_state = state
    del book["Sheet"]
    book.active = 2
    target = io.BytesIO()
    book.save(target)
    assert read_here(target.getvalue())["rows"] == [(2, "c", 1, "ERP01")]
    old = xlwt.Workbook()
    for name, visibility in (("a", 2), ("b", 1), ("c", 0)):
        sheet = old.add_sheet(name)
        sheet.visibility = visibility
        for column, (head, cell) in enumerate(
            zip(sheets.HEADER, (name, 1, "ERP01"), strict=True)
        ):
            sheet.write(0, column, head)
            sheet.write(1, column, cell)
    target = io.BytesIO()
    old.save(target)
    assert read_here(target.getvalue())["rows"] == [(2, "c", 1, "ERP01")]


def test_a_formula_counts_with_its_stored_value_and_a_hidden_row_is_read() -> None:
    target = io.BytesIO()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(sheets.HEADER))
    sheet.append(["SKU01", "=1+1", "ERP01"])
    sheet.append(["SKU02", 5, "ERP01"])
    sheet.row_dimensions[3].hidden = True
    book.save(target)
    # openpyxl stores no value beside a formula; a spreadsheet program does.
    content = read_here(target.getvalue())
    assert (content["rows"], content["errors"][0][4]) == (
        [(3, "SKU02", 5, "ERP01")],
        "The quantity is a formula without a stored value; open the file in a spreadsheet program and save it again.",
    )
    stored = io.BytesIO()
    with xlsxwriter.Workbook(stored) as written:
        page = written.add_worksheet()
        page.write_row(0, 0, sheets.HEADER)
        page.write_row(1, 0, ["SKU01", None, "ERP01"])
        page.write_formula(1, 1, "=1+1", None, 2)
    assert read_here(stored.getvalue())["rows"] == [(2, "SKU01", 2, "ERP01")]


@pytest.mark.long
async def test_a_file_of_65_535_rows_is_read_and_one_row_more_is_not(
    tmp_path: Path,
) -> None:
    rows = [["SKU01", 1, "ERP01"]] * 65_535
    assert (await sheet_of(sheets.xls(rows), tmp_path)).rows_read == 65_535
    with pytest.raises(SpreadsheetRejected, match="more than 65536 rows") as rejected:
        await sheet_of(sheets.csv([*rows, *rows[:1]]), tmp_path)
    assert rejected.value.code == "FILE_TOO_LARGE"
