"""Cells of spreadsheets count as they are shown, in every format, or are rejected with their value."""

import io
from typing import Any

import pytest
import xlsxwriter
import xlwt

from tasks.spreadsheets.number_format import parse_number_format
from tests.support import ods, sheets
from tests.support.hostile_files import repacked, with_sheet
from tests.support.reading import read_here


def formatted_xlsx(cells: tuple[Any, Any, Any], code: str) -> bytes:
    """Returns an xlsx file with one row of cells that have a number format."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, sheets.HEADER)
        sheet.write_row(1, 0, cells, book.add_format({"num_format": code}))
    return target.getvalue()


def formatted_xls(cells: tuple[Any, Any, Any], code: str) -> bytes:
    """Returns an xls file with one row of cells that have a number format."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    style = xlwt.easyxf(num_format_str=code)
    for column, (name, cell) in enumerate(zip(sheets.HEADER, cells, strict=True)):
        sheet.write(0, column, name)
        sheet.write(1, column, cell, style)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


FORMATTED = {"xlsx": formatted_xlsx, "xls": formatted_xls}

# A number, its format, the text that counts for a SKU, and the quantity.
SHOWN: list[tuple[float, str, str | None, int | None]] = [
    (42, "General", "42", 42),
    (42, "0", "42", 42),
    (42, "@", "42", 42),
    (42, "0000000", "0000042", 42),
    (42, "[Blue]000", "042", 42),
    (42, "000;-000;0", "042", 42),
    (42, "000_)", "042", 42),
    (1234567, "00-00", "12345-67", None),
    (42, '"P"0000', "P0042", None),
    (42, "0\\x", "42x", None),
    (42, '0" pcs"', "42 pcs", None),
    (42, "0.00", None, 42),
    (1234, "#,##0", None, 1234),
    (1234, "_(* #,##0.00_)", None, 1234),
    (1234, "# ##0", "1 234", 1234),
    (42000, "0,", None, None),
    (42000, '0.0,"k"', None, None),
    (42, "0%", None, None),
    (42, "0.00E+00", None, None),
    (42, "# ?/?", None, None),
    (42, "$#,##0.00", None, None),
    (42, "[$€-407] 0", None, None),
    (42, "[>40]0;000", None, None),
    (42, "yyyy-mm-dd", None, None),
    (42, "h:mm", None, None),
    (42, "[h]", None, None),
    (42, '"x"', None, None),
    (42, ";;;", None, None),
    (42, "General x", None, None),
    (98765432109, "General", "98765432109", None),
    (987654321098, "General", None, None),
    (9876543210987, "0", "9876543210987", None),
    (1.25, "General", None, None),
    (1.25, "0", None, None),
    (-42, "0;0", None, None),
]


@pytest.mark.parametrize("kind", FORMATTED)
@pytest.mark.parametrize(("value", "code", "sku", "quantity"), SHOWN)
def test_a_number_counts_as_its_format_shows_it(
    kind: str, value: float, code: str, sku: str | None, quantity: int | None
) -> None:
    content = read_here(FORMATTED[kind]((value, value, value), code))
    rejected = {error[1] for error in content["errors"]}
    assert ("product__sku" in rejected, "quantity" in rejected) == (
        sku is None,
        quantity is None,
    )
    assert ("division__erp_code" in rejected) == (sku is None)
    if sku is not None and quantity is not None:
        assert content["rows"] == [(2, sku, quantity, sku)]
    if sku is not None:
        assert read_here(FORMATTED[kind]((value, "1", value), code))["rows"] == [
            (2, sku, 1, sku)
        ]
    if quantity is not None:
        assert read_here(FORMATTED[kind](("A", value, "B"), code))["rows"] == [
            (2, "A", quantity, "B")
        ]


@pytest.mark.parametrize("kind", FORMATTED)
def test_a_text_counts_as_its_format_shows_it(kind: str) -> None:
    write = FORMATTED[kind]
    assert read_here(write(("7", "1", "E"), '"SKU-"@'))["rows"] == []
    assert read_here(write(("7", 1, "E"), '0;0;0;"S-"@'))["rows"] == [(2, "S-7", 1, "S-E")]
    assert read_here(write(("7", "1", "E"), "_(@_)"))["rows"] == [(2, "7", 1, "E")]
    hidden = read_here(write(("7", 1, "E"), "0;0;0;"))
    assert [error[4] for error in hidden["errors"]] == [
        "The product__sku is missing.",
        "The division__erp_code is missing.",
    ]


def test_a_rejected_number_names_its_format() -> None:
    content = read_here(formatted_xlsx((7, "1", "E"), "0.000"))
    assert content["errors"] == [
        (
            2,
            "product__sku",
            "7",
            "INVALID_INPUT",
            "The product__sku 7 is a number that the sheet shows as another text "
            "by the number format '0.000'; format the column as text and enter it again.",
        )
    ]


# A text, and the quantity that it is; none is guessed.
QUANTITIES: list[tuple[str, int | None]] = [
    ("7", 7),
    ("007", 7),
    ("+7", 7),
    ("\u00a07 ", 7),
    ("7.0", 7),
    ("7,00", 7),
    ("1000000", 1_000_000),
    ("7.000", None),
    ("7,000", None),
    ("0.000", None),
    ("12.345", None),
    ("1 000", None),
    ("1'000", None),
    ("1\u00a0000", None),
    ("1\u202f000", None),
    ("1.000.000", None),
    ("1,000.00", None),
    ("7.0000", None),
    ("7.", None),
    (".7", None),
    ("7e0", None),
    ("7E3", None),
    ("7%", None),
    ("\uff17", None),
    ("\u0667", None),
    ("7_0", None),
    ("-7", None),
    ("--7", None),
    ("$7", None),
    ("7 pcs", None),
    ("TRUE", None),
    ("1000001", None),
]


@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods", "csv"])
def test_a_quantity_is_never_guessed(kind: str) -> None:
    rows = [["A", text, "B"] for text, _ in QUANTITIES]
    contents = {
        "xlsx": sheets.xlsx(rows),
        "xls": sheets.xls(rows),
        "ods": ods.book(rows),
        "csv": sheets.csv(rows, delimiter=";"),
    }
    read = read_here(contents[kind])
    good = [quantity for _, quantity in QUANTITIES if quantity is not None]
    assert [row[2] for row in read["rows"]] == good
    assert [(error[0], error[1], error[3]) for error in read["errors"]] == [
        (number, "quantity", "INVALID_QUANTITY")
        for number, (_, quantity) in enumerate(QUANTITIES, start=2)
        if quantity is None
    ]


@pytest.mark.parametrize(
    "text", ["1.000,00", "1,000.5", "1.234.567", "12\u2009000", "1,00,000", "1\u2019000"]
)
def test_a_grouped_quantity_says_why(text: str) -> None:
    (error,) = read_here(
        f"product__sku\tquantity\tdivision__erp_code\nA\t{text}\tB".encode()
    )["errors"]
    assert error[:4] == (
        2,
        "quantity",
        text.replace("\u2009", "\\u2009"),
        "INVALID_QUANTITY",
    )
    assert error[4].endswith("is grouped; write it with digits only.")


@pytest.mark.parametrize("text", ["1.25", "12.5", "1,2345", "1..000", ".000"])
def test_a_decimal_quantity_is_no_whole_number(text: str) -> None:
    (error,) = read_here(
        f"product__sku\tquantity\tdivision__erp_code\nA\t{text}\tB".encode()
    )["errors"]
    assert error[4] == f"Quantity '{text}' is not a whole number between 1 and 1000000."


def test_an_ambiguous_quantity_says_why() -> None:
    (error,) = read_here(b"product__sku;quantity;division__erp_code\r\nA;2.500;B\r\n")[
        "errors"
    ]
    assert error == (
        2,
        "quantity",
        "2.500",
        "INVALID_QUANTITY",
        "Quantity '2.500' is ambiguous: it is a decimal number in one country and thousands in "
        "another; write it with digits only.",
    )


# The content of a shared text in xlsx, and the text that a program shows.
TEXTS = {
    b"<t>A_x005F_x0041_</t>": "A_x0041_",
    b"<t>Box005F_1</t>": "Box005F_1",
    b"<t>A_x0042_</t>": "AB",
    b"<t>A_x005F_x005F_</t>": "A_x005F_",
    b"<t>_xD83D__xDE00_</t>": "\U0001f600",
    b"<r><t>A</t></r><r><rPr><b/></rPr><t>B</t></r>": "AB",
    "<t>漢字</t><rPh sb='0' eb='2'><t>かんじ</t></rPh>".encode(): "漢字",
    b"<t>A&amp;B</t>": "A&B",
    b"<t><![CDATA[A<B]]></t>": "A<B",
    b"<t>" + b"x" * 250 + b"</t>": "x" * 250,
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_xlsx_is_unescaped_once_wherever_it_is_written(text: bytes) -> None:
    shared = repacked("xl/sharedStrings.xml", lambda x: x.replace(b"<t>SKU01</t>", text))
    assert [row[1] for row in read_here(shared)["rows"]] == [TEXTS[text]]
    cell = b'<c r="A2" t="inlineStr"><is>' + text + b"</is></c>"
    inline = with_sheet(b'<c r="A2" t="s"><v>3</v></c>', cell)
    assert [row[1] for row in read_here(inline)["rows"]] == [TEXTS[text]]


def test_a_formula_of_texts_is_unescaped_once() -> None:
    cell = b'<c r="A2" t="str"><f>B2</f><v>A_x005F_x0041_</v></c>'
    content = with_sheet(b'<c r="A2" t="s"><v>3</v></c>', cell)
    assert [row[1] for row in read_here(content)["rows"]] == ["A_x0041_"]


OTHER_CELLS = [
    b'<c r="A2" t="b"><v>1</v></c>',
    b'<c r="A2" t="e"><v>#N/A</v></c>',
    b'<c r="A2" t="d"><v>2026-01-01</v></c>',
    b'<c r="A2"><v>1_0</v></c>',
    b'<c r="A2"><v>NaN</v></c>',
    b'<c r="A2"><v>1e999</v></c>',
    b'<c r="A2"><f>1+1</f></c>',
    b'<c r="A2" t="unknown"><v>1</v></c>',
]


@pytest.mark.parametrize("cell", OTHER_CELLS)
def test_what_is_neither_text_nor_number_is_no_sku(cell: bytes) -> None:
    content = read_here(with_sheet(b'<c r="A2" t="s"><v>3</v></c>', cell))
    assert [error[:2] for error in content["errors"]] == [(2, "product__sku")]


def test_a_code_is_read_once_and_general_needs_no_look() -> None:
    assert parse_number_format("General") is None
    assert parse_number_format("@") is None
    assert parse_number_format("0000") is parse_number_format("0000")
