"""Reading spreadsheets: every format, every odd value, by real writers."""

import csv
import io
from dataclasses import astuple
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.spreadsheets.child import read
from tasks.spreadsheets.formula_text import unescape_formulas
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import Spreadsheet, SpreadsheetLimits, SpreadsheetRows
from tasks.spreadsheets.writing import write_spreadsheet
from tests.support import sheets


async def sheet_of(content: bytes, folder: Path, **limits: Any) -> Spreadsheet:
    """Reads a file as an upload is read: from disk, in a child process."""
    path = folder / "upload"
    path.write_bytes(content)
    return await SpreadsheetReader().read(path, SpreadsheetLimits(**limits))


def read_here(content: bytes) -> dict[str, Any]:
    """Reads a file with the child's code, in this process."""
    try:
        sheet = read(content, SpreadsheetLimits())
    except SpreadsheetRejected as rejection:
        return {"rejected": [rejection.code, rejection.message]}
    return {
        "rows_read": sheet.rows_read,
        "rows": list(sheet.rows),
        "errors": [astuple(error) for error in sheet.errors],
        "error_count": sheet.error_count,
    }


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
        "the first filled row, row 1, has: 'product__sku', 'amount'.",
    ]
    assert read_here(b"\n\nproduct__sku,quantity\n")["rejected"] == [
        "MISSING_COLUMN",
        "The column division__erp_code is missing; the first filled row, row 3, has: 'product__sku', 'quantity'.",
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


async def test_a_file_of_65_535_rows_is_read_and_one_row_more_is_not(
    tmp_path: Path,
) -> None:
    rows = [["SKU01", 1, "ERP01"]] * 65_535
    assert (await sheet_of(sheets.xls(rows), tmp_path)).rows_read == 65_535
    with pytest.raises(SpreadsheetRejected, match="more than 65536 rows") as rejected:
        await sheet_of(sheets.csv([*rows, *rows[:1]]), tmp_path)
    assert rejected.value.code == "FILE_TOO_LARGE"


# A text of a cell that can be a SKU or an ERP code: printable, not blank, without spaces around it.
TEXTS = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
    )
    | st.sampled_from(
        ["=1+1", "+90 212", "-1", "@x", "'=x", "''+", "007", "1E5", "1.10", "İĞŞ", "a b"]
    )
).filter(lambda text: text.isprintable() and text == text.strip())


@pytest.mark.parametrize("kind", ["csv", "xls", "xlsx"])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(
        st.tuples(TEXTS, st.integers(1, 1_000_000), TEXTS), min_size=1, max_size=8
    )
)
def test_what_is_written_reads_back_alike(
    kind: str, rows: list[tuple[str, int, str]]
) -> None:
    target = io.BytesIO()
    write_spreadsheet(target, kind, sheets.HEADER, rows)
    content = read_here(target.getvalue())
    assert content["errors"] == []
    assert content["rows"] == [(number, *row) for number, row in enumerate(rows, start=2)]


def test_letters_beyond_the_basic_plane_are_read_wherever_xls_cuts_them() -> None:
    rows = [("😀" * 100 + str(number), 1, "ERP01") for number in range(1_000)]
    target = io.BytesIO()
    write_spreadsheet(target, "xls", sheets.HEADER, rows)
    assert [row[1] for row in read_here(target.getvalue())["rows"]] == [
        row[0] for row in rows
    ]


def test_what_looks_like_an_escape_of_xlsx_reads_back_alike() -> None:
    target = io.BytesIO()
    write_spreadsheet(target, "xlsx", sheets.HEADER, [["A_x0041_", 1, "_x005F_"]])
    assert read_here(target.getvalue())["rows"] == [(2, "A_x0041_", 1, "_x005F_")]


def test_a_line_break_in_a_cell_of_csv_shifts_no_row_number() -> None:
    content = b'product__sku,quantity,division__erp_code,note\r\nA,1,E,"two\r\nlines"\r\nB,0,E,\r\n'
    assert read_here(content)["errors"][0][0] == 3


def test_amounts_are_numbers_and_formulas_are_harmless() -> None:
    target = io.BytesIO()
    write_spreadsheet(target, "xlsx", ["a", "b"], [["=1+1", Decimal("10.50")]])
    cells = [
        cell
        for row in openpyxl.load_workbook(target).active.iter_rows(min_row=2)
        for cell in row
    ]
    assert [(cell.data_type, cell.value, cell.number_format) for cell in cells] == [
        ("s", "=1+1", "General"),
        ("n", 10.5, "0.00"),
    ]
    target = io.BytesIO()
    write_spreadsheet(target, "csv", ["a", "b"], [["=1+1", Decimal("10.50")]])
    assert target.getvalue() == b"\xef\xbb\xbfa,b\r\n'=1+1,10.50\r\n"


# Texts of all that could make a formula, or end a cell, under one delimiter or another.
UNSAFE = st.text(st.sampled_from("=+-@;,\t'\"\u00a0 aB1\n"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.tuples(UNSAFE, UNSAFE), min_size=1, max_size=4))
def test_no_formula_begins_a_cell_of_csv_under_either_delimiter(
    rows: list[tuple[str, str]],
) -> None:
    target = io.BytesIO()
    write_spreadsheet(target, "csv", ["a", "b"], rows)
    text = target.getvalue().decode("utf-8-sig")
    for delimiter in ",;":
        cells = [
            cell
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            for cell in row
        ]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))] == []
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [tuple(unescape_formulas(cell) for cell in row) for row in read] == rows


def test_semicolons_of_an_exported_cell_are_quoted() -> None:
    target = io.BytesIO()
    rows: list[list[str | int]] = [["A;B", 1], ["A;=1+1", 2], ["C", 3], ["D,E", 4]]
    write_spreadsheet(target, "csv", ["a", "b"], rows)
    assert target.getvalue() == (
        b'\xef\xbb\xbfa,b\r\n"A;B",1\r\n"A;\'=1+1",2\r\nC,3\r\n"D,E",4\r\n'
    )
