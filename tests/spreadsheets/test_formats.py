"""Cells whose format or value other programs store in an unusual way."""

import io
import re
from typing import Any

import pytest
import xlsxwriter
import xlwt

from tests.support import ods, sheets
from tests.support.hostile_files import repacked
from tests.support.one_sku import (
    SHEET,
    STYLES,
    messages,
    replacing,
    skus,
    xls_sku,
    xlsx_sku,
)
from tests.support.reading import read_here

NINE = xlsx_sku(9, "0000")
WRITERS = {"xlsx": xlsx_sku, "xls": xls_sku}


@pytest.mark.parametrize("form", ["{}", "00{}", "+{}", " {}\n"])
def test_numbers_in_xml_may_have_signs_zeros_and_spaces(form: str) -> None:
    def write(number: int) -> bytes:
        return form.format(number).encode()

    for part, old, new in (
        (SHEET, b's="1"', b's="%s"' % write(1)),
        (STYLES, b'Id="164" format', b'Id="%s" format' % write(164)),
        (STYLES, b'Id="164" font', b'Id="%s" font' % write(164)),
        (SHEET, b"<v>3</v>", b"<v>%s</v>" % write(3)),
    ):
        changed = repacked(part, replacing(old, new), NINE)
        assert read_here(changed)["rows"] == [(2, "0009", 1, "E")]


def test_formats_of_conditions_are_none_of_cells() -> None:
    condition = b'<dxfs><dxf><numFmt numFmtId="164" formatCode="000000"/></dxf></dxfs>'
    moved = repacked(
        STYLES,
        lambda x: re.sub(rb"<numFmts.*</numFmts>", b"", x).replace(
            b'<dxfs count="0"/>', condition
        ),
        NINE,
    )
    assert skus(moved) == ["9"]


def test_of_two_formats_with_one_number_the_last_counts() -> None:
    first = b'<numFmts><numFmt numFmtId="164" formatCode="0"/>'
    double = repacked(STYLES, lambda x: re.sub(rb"<numFmts[^>]*>", first, x), NINE)
    assert skus(double) == ["0009"]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("@@", "77"),
        ('@"-"@', "7-7"),
        ('0;0;0;"P"General', "P7"),
        ('"n"0;@', "7"),
        ('[Green]@"!"', "7!"),
        ('0;0;0;"all"', "all"),
    ],
)
def test_a_format_repeats_or_replaces_a_text(kind: str, code: str, shown: str) -> None:
    assert skus(WRITERS[kind]("7", code)) == [shown]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("code", ['0;0;0;""', "0;0;0;_x"])
def test_a_text_that_its_format_hides_is_missing(kind: str, code: str) -> None:
    assert messages(WRITERS[kind]("7", code)) == ["The product__sku is missing."]


def test_a_text_that_programs_show_differently_is_rejected() -> None:
    for code in ("0;0;0;000", "0.0@", "0;0;0;yyyy@"):
        assert messages(xlsx_sku("7", code)) == [
            "The product__sku is not a text but a text that its number format changes; "
            "format the column as text and enter it again."
        ]


def test_a_formula_that_its_writer_has_not_calculated_is_rejected() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, sheets.HEADER)
        sheet.write_row(1, 0, ['="A"&"1"', "=1+2", '="E"&"1"'])
        sheet.write_formula(2, 0, '="A"&"2"', value="A2")
        sheet.write_formula(2, 1, "=3*3", value=9)
        sheet.write(2, 2, "E")
    content = read_here(target.getvalue())
    assert content["rows"] == [(3, "A2", 9, "E")]
    remedy = "open the file in a spreadsheet program and save it again."
    assert [error[4] for error in content["errors"]] == [
        f"The product__sku is not a text but a formula whose stored value is 0; {remedy}",
        f"The quantity is a formula whose stored value is 0; {remedy}",
        f"The division__erp_code is not a text but a formula whose stored value is 0; {remedy}",
    ]


def xls_with_formula(result: bytes) -> bytes:
    """Returns an xls file whose SKU is a formula with a stored result."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    cells: list[Any] = [xlwt.Formula("1+1"), "1", "E"]
    for column, (name, cell) in enumerate(zip(sheets.HEADER, cells, strict=True)):
        sheet.write(0, column, name)
        sheet.write(1, column, cell)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue().replace(b"\x03\0\0\0\0\0\xff\xff", result)


def test_a_formula_of_xls_that_was_not_calculated_is_rejected() -> None:
    assert skus(xls_with_formula(b"\0\0\0\0\0\0\0\x40")) == ["2"]
    assert messages(xls_with_formula(b"\0" * 8)) == [
        "The product__sku is not a text but a formula whose stored value is 0; "
        "open the file in a spreadsheet program and save it again."
    ]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("A<text:sheet-name>7</text:sheet-name>", "A7"),
        (
            "<text:author-initials>AB</text:author-initials>-<text:page-number>1</text:page-number>",
            "AB-1",
        ),
        (
            "A<text:note><text:note-body><text:p>no</text:p></text:note-body></text:note>",
            "A",
        ),
        (
            "A<draw:frame><draw:text-box><text:p>no</text:p></draw:text-box></draw:frame>",
            "A",
        ),
    ],
)
def test_fields_of_ods_show_a_text_and_notes_and_drawings_none(
    content: str, shown: str
) -> None:
    cell = ods.cell('office:value-type="string"', f"<text:p>{content}</text:p>")
    header = [ods.text_cell(name) for name in sheets.HEADER]
    row = [cell, ods.text_cell("1"), ods.text_cell("E")]
    assert skus(ods.document(ods.table([header, row]))) == [shown]
