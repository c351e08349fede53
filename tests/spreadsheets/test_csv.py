"""Files of csv as spreadsheet programs write them, and their faults in words."""

import csv
import io
import re
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spreadsheets.csv_blanks import strip_quoted_cells
from tests.support.reading import read_here
from tests.support.thoroughness import examples

HEADER = "product__sku;quantity;division__erp_code\r\n"


CSV: dict[str, tuple[str, tuple[int, str, int, str]]] = {
    "a line that names the delimiter": ("sep=;\r\n" + HEADER + "A;1;B", (2, "A", 1, "B")),
    "in quotation marks and capitals": (
        '"SEP=|"\n' + HEADER.replace(";", "|") + "A|1|B",
        (2, "A", 1, "B"),
    ),
    "blank lines before the header": (
        "\r\n  \r\n;;\r\n" + HEADER + "A;1;B",
        (5, "A", 1, "B"),
    ),
    "Turkish capitals": (
        "PRODUCT__SKU;QUANTİTY;DİVİSİON__ERP_CODE\nA;1;B",
        (2, "A", 1, "B"),
    ),
    "Turkish small letters": (
        "product__sku;quantıty;dıvısıon__erp_code\nA;1;B",
        (2, "A", 1, "B"),
    ),
    "characters of no width": (
        "\u200bproduct\u00ad__sku;quantity\ufeff;division__erp_code\u2060\nA;1;B",
        (2, "A", 1, "B"),
    ),
    "many trailing delimiters": (
        HEADER.replace("\r\n", ";" * 300 + "\r\n") + "A;1;B" + ";" * 300,
        (2, "A", 1, "B"),
    ),
    "many lines of delimiters": (
        HEADER + "A;1;B\r\n" + ";;\r\n" * 70_000,
        (2, "A", 1, "B"),
    ),
    "a line of invisible characters before the header": (
        "\u200b;\u2060;\n" + HEADER + "A;1;B",
        (3, "A", 1, "B"),
    ),
    "spaces behind the delimiter that is named": (
        "sep=; \n" + HEADER + "A;1;B",
        (2, "A", 1, "B"),
    ),
    "blanks around quoted cells": (
        '"product__sku"\t;\u00a0"quantity" ;\u3000"division__erp_code"  \r\n'
        '  "A;""1""" ;\u202f"7"\u00a0; "B" \r\n',
        (2, 'A;"1"', 7, "B"),
    ),
    "delimiters and blanks within quoted cells": (
        HEADER + '"A ; "" ;" ;"4";"B"\r\n',
        (2, 'A ; " ;', 4, "B"),
    ),
    "tabs between quoted cells with blanks": (
        HEADER.replace(";", "\t") + '"A;1" \t "12"\t"B" ',
        (2, "A;1", 12, "B"),
    ),
    "blanks before the end of the file": (HEADER + '"A";"5";"B" \u200b', (2, "A", 5, "B")),
    "quotation marks within a cell": (HEADER + '3 "A" ;2;B', (2, '3 "A" ', 2, "B")),
    "a formula that keeps zeros": (HEADER + '="007" ;1;"=""B"""', (2, "007", 1, "B")),
    "old line ends of a Mac": (HEADER.replace("\r\n", "\r") + "A;1;B\r", (2, "A", 1, "B")),
}


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_csv_may_be_utf_32_with_a_mark(encoding: str) -> None:
    text = HEADER + "ŞÖ\U0001f600;1;B"
    marked = text if encoding == "utf-32" else "\ufeff" + text
    assert read_here(marked.encode(encoding))["rows"] == [(2, "ŞÖ\U0001f600", 1, "B")]


@pytest.mark.parametrize("name", CSV)
def test_an_odd_csv_file_is_read(name: str) -> None:
    text, expected = CSV[name]
    content = read_here(text.encode())
    assert (content["rows"], content["errors"]) == ([expected], [])


QUOTES = {
    'A;1;"B\r\nC;1;D\r\n': (
        "Row 2 of the file cannot be read: the quotation mark opened in line 2, column C is never closed."
    ),
    'A;1;"B\r\nb"\r\nC;"1\r\n2";"x\r\ny\r\n': (
        "Row 3 of the file cannot be read: the quotation mark opened in line 5, column C is never closed."
    ),
    'A;"1;B\r\n' + "C;1;D\r\n" * 9_000: (
        "Row 2 of the file cannot be read: the quotation mark opened in line 2, column B is never closed."
    ),
    ' "A" ;1;"B" "C"\r\n': (
        "Row 2 of the file cannot be read: in line 2, column C, text follows behind the quotation mark "
        "that closes the one opened in line 2, column C."
    ),
    'A;1;"B" b\r\n': (
        "Row 2 of the file cannot be read: in line 2, column C, text follows behind the quotation mark "
        "that closes the one opened in line 2, column C."
    ),
}


@pytest.mark.parametrize("lines", QUOTES)
def test_a_quotation_mark_is_named_with_the_line_that_opened_it(lines: str) -> None:
    code, message = read_here((HEADER + lines).encode())["rejected"]
    assert code == "FILE_UNREADABLE"
    assert message.startswith(QUOTES[lines])


BEYOND = [
    ("product__sku,quantity,division__erp_code", "SKU01,1,500,ERP01", "ERP01"),
    ("product__sku;quantity;division__erp_code;", "A;2;B;;; x ", " x "),
    ("division__erp_code;quantity;product__sku", 'B;"2";A;0', "0"),
]


@pytest.mark.parametrize(("header", "line", "value"), BEYOND)
def test_a_row_with_a_cell_beyond_the_header_is_rejected(
    header: str, line: str, value: str
) -> None:
    content = read_here(f"\n{header}\n{line}\n{line[:1]}\n".encode())
    row, column, shown, code, message = content["errors"][0]
    assert (row, column, shown, code) == (3, "product__sku", value, "INVALID_INPUT")
    assert message == (
        "The row has more cells than the header; "
        "put cells that hold the delimiter into quotation marks."
    )
    assert (content["rows"], content["error_count"]) == ([], 2)


def test_cells_below_columns_without_a_name_are_ignored() -> None:
    text = "product__sku,quantity,division__erp_code,,note\nA,1,B,x,y,,\nC,2,D,,,\u200b, \n"
    assert read_here(text.encode())["rows"] == [(2, "A", 1, "B"), (3, "C", 2, "D")]


BLANKS = st.text(alphabet=" \u00a0\u2003\u200b", max_size=3)
CELLS = st.text(alphabet="aB1\"'; ,\r\n\u00a0", max_size=6)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4),
    blanks=st.lists(BLANKS, min_size=1, max_size=9),
    delimiter=st.sampled_from(",;|"),
)
@settings(max_examples=examples(200), deadline=None)
def test_blanks_around_quoted_cells_never_change_a_cell(
    rows: list[list[str]], blanks: list[str], delimiter: str
) -> None:
    around = cycle(blanks)
    text = "\r\n".join(
        delimiter.join(f'{next(around)}"{_double(cell)}"{next(around)}' for cell in row)
        for row in rows
    )
    lines = io.StringIO(strip_quoted_cells(text, delimiter), newline="")
    assert list(csv.reader(lines, delimiter=delimiter, strict=True)) == rows


def _double(cell: str) -> str:
    return cell.replace('"', '""')


@given(text=st.text(alphabet='a";\r\n \u00a0', max_size=40))
@settings(max_examples=examples(500), deadline=None)
def test_blanks_alone_are_taken_away(text: str) -> None:
    stripped = strip_quoted_cells(text, ";")
    assert re.sub(" |\u00a0", "", stripped) == re.sub(" |\u00a0", "", text)
    unquoted = text.replace('"', "'")
    assert strip_quoted_cells(unquoted, ";") == unquoted
