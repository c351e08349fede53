"""What is written reads back alike, and no cell of it is a formula."""

import csv
import io
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.spreadsheets.formula_text import unescape_formulas
from tasks.spreadsheets.writing import write_spreadsheet
from tests.support import sheets
from tests.support.reading import read_here

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
