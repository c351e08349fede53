"""Files that every spreadsheet program opens are read, whatever is odd about them."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
import xlwt

from tests.support import sheets
from tests.support.hostile_files import SMALL, repacked, with_sheet
from tests.support.reading import read_here

ROW = [(2, "SKU01", 1, "ERP01")]


SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"


STRICT = (
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/spreadsheetml/main",
)


def renamed(rename: Callable[[str], str]) -> bytes:
    """Returns a small xlsx file whose parts have other names in the archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SMALL)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            entry.filename = rename(entry.filename)
            new.writestr(entry, content)
    return target.getvalue()


def without(*parts: str) -> bytes:
    """Returns a small xlsx file without some parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SMALL)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            if entry.filename not in parts:
                new.writestr(entry, old.read(entry))
    return target.getvalue()


def moved() -> bytes:
    """Returns a small xlsx file whose workbook and sheet have names of their own, by relation."""
    names = {
        "xl/workbook.xml": "book/b.xml",
        "xl/_rels/workbook.xml.rels": "book/_rels/b.xml.rels",
        SHEET: "data/one%20sheet.xml",
    }
    content = renamed(lambda name: names.get(name, name))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            part = part.replace(b'"xl/workbook.xml"', b'"/book/b.xml"')
            part = part.replace(b'"worksheets/sheet1.xml"', b'"../data/one%20sheet.xml"')
            part = part.replace(b'"sharedStrings.xml"', b'"/xl/sharedStrings.xml"')
            new.writestr(entry.filename, part.replace(b'"styles.xml"', b'"/xl/styles.xml"'))
    return target.getvalue()


def prefixed(content: bytes) -> bytes:
    """Puts a prefix before the names of all elements."""
    named = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", content)
    return named.replace(b"xmlns=", b"xmlns:x=")


def in_styles(old: bytes, new: bytes) -> bytes:
    """Returns a small xlsx file with all such pieces of its styles replaced."""
    return repacked(STYLES, lambda content: re.sub(old, new, content, flags=re.DOTALL))


READ: dict[str, Callable[[], bytes]] = {
    "upper case": lambda: renamed(str.upper),
    "Windows separators": lambda: renamed(lambda name: name.replace("/", "\\")),
    "leading slashes": lambda: renamed(lambda name: f"/{name}"),
    "parts by relation only": moved,
    "no styles": lambda: without(STYLES),
    "no properties, no theme": lambda: without("docProps/core.xml", "xl/theme/theme1.xml"),
    "odd dates of the document": lambda: repacked(
        "docProps/core.xml", lambda x: re.sub(rb"\d{4}-", b"x", x)
    ),
    "broken properties": lambda: repacked("docProps/core.xml", lambda _: b"<x"),
    "a broken theme": lambda: repacked("xl/theme/theme1.xml", lambda _: b"\x00"),
    "an empty fill": lambda: in_styles(
        rb"<fills.*</fills>", b'<fills count="1"><fill/></fills>'
    ),
    "an unknown pattern": lambda: in_styles(rb'patternType="none"', b'patternType="zebra"'),
    "a colour of another form": lambda: in_styles(
        rb"<color [^>]*/>", b'<color rgb="red" x="1"/>'
    ),
    "an unknown font, border and alignment": lambda: in_styles(
        rb"<xf ([^>]*)/></cellXfs>",
        rb'<xf \1><alignment horizontal="up"/><new/></xf></cellXfs>',
    ),
    "strict": lambda: repacked(SHEET, lambda x: x.replace(*STRICT)),
    "strict relations": lambda: repacked(
        "xl/_rels/workbook.xml.rels",
        lambda x: x.replace(
            b"http://schemas.openxmlformats.org", b"http://purl.oclc.org/ooxml"
        ),
    ),
    "texts without a relation": lambda: repacked(
        "xl/_rels/workbook.xml.rels",
        lambda x: re.sub(rb"<Relationship [^>]*sharedStrings[^>]*/>", b"", x),
    ),
    "prefixes": lambda: repacked(SHEET, prefixed),
    "UTF-16": lambda: repacked(
        SHEET, lambda x: x.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    ),
    "no references": lambda: repacked(SHEET, lambda x: re.sub(rb' r="[A-Z]*\d+"', b"", x)),
    "no row numbers": lambda: repacked(
        SHEET, lambda x: re.sub(rb'(<row[^>]*) r="\d+"', rb"\1", x)
    ),
    "no shared texts' counts": lambda: repacked(
        "xl/sharedStrings.xml", lambda x: re.sub(rb' (uniqueC|c)ount="\d+"', b"", x)
    ),
    "far formatted cells": lambda: with_sheet(
        b"</sheetData>",
        b'<row r="70000"><c r="A70000" s="0"/><c r="XFD70000" s="0"/></row></sheetData>',
    ),
    "a blank text far away": lambda: with_sheet(
        b"</sheetData>",
        b'<row r="900000"><c r="B900000" t="inlineStr"><is><t> </t></is></c></row></sheetData>',
    ),
    "controls with rows of their own": lambda: with_sheet(
        b"</sheetData>",
        b'</sheetData><controls><xdr:row xmlns:xdr="x">3</xdr:row></controls>',
    ),
    "cells from right to left": lambda: repacked(
        SHEET, lambda x: re.sub(rb'(<c r="A2".*?</c>)(<c r="B2".*?</c>)', rb"\2\1", x)
    ),
}


@pytest.mark.parametrize("name", READ)
def test_an_odd_xlsx_file_is_read(name: str) -> None:
    content = read_here(READ[name]())
    assert content.get("rejected") is None
    assert (content["rows"], content["errors"]) == (ROW, [])


def sheet_of_rows(*rows: str) -> bytes:
    """Returns an xlsx file with these rows, as XML, below its header."""
    return with_sheet(b"</sheetData>", "".join(rows).encode() + b"</sheetData>")


def row(number: int, sku: str, quantity: int) -> str:
    """Writes a row of a product."""
    texts = [
        f'<c r="{letter}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        for letter, text in (("A", sku), ("C", "E"))
    ]
    return f'<row r="{number}">{texts[0]}<c r="B{number}"><v>{quantity}</v></c>{texts[1]}</row>'


def test_rows_out_of_order_are_read_as_the_sheet_shows_them() -> None:
    content = read_here(sheet_of_rows(row(9, "I", 9), row(4, "D", 4), row(7, "G", 7)))
    assert content["rows_read"] == 4
    assert content["rows"] == [*ROW, (4, "D", 4, "E"), (7, "G", 7, "E"), (9, "I", 9, "E")]


def test_a_header_that_stands_behind_its_rows_is_the_header() -> None:
    content = repacked(
        SHEET, lambda x: re.sub(rb'(<row r="1".*?</row>)(<row r="2".*?</row>)', rb"\2\1", x)
    )
    assert read_here(content)["rows"] == ROW


# What stands in the file, and the reason of its rejection.
CONTRADICTIONS = {
    '<row r="2"><c r="D2"><v>1</v></c></row>': "row 2 stands in it twice",
    '<row r="4"><c r="A4"><v>1</v></c><c r="A4"><v>2</v></c></row>': "the cell A4 stands in it twice",
    '<row r="4"><c r="A5"><v>1</v></c></row>': "the cell A5 stands in row 4",
    '<row r="4"><c r="4A"><v>1</v></c></row>': "row 4 has a cell called '4A'",
    '<row r="0"><c><v>1</v></c></row>': "it has a row numbered '0'",
    '<row r="x"><c><v>1</v></c></row>': "it has a row numbered 'x'",
    '<row r="4"><c r="XFE4"><v>1</v></c></row>': "the cell XFE4 stands in row 4",
    '<row r="4"><c r="A4" t="s"><v>99</v></c></row>': "a cell names the shared text '99', which it lacks",
    '<row r="4"><c r="A4" t="s"><v>-1</v></c></row>': "a cell names the shared text '-1', which it lacks",
}


@pytest.mark.parametrize("rows", CONTRADICTIONS)
def test_a_sheet_that_contradicts_itself_is_rejected(rows: str) -> None:
    assert read_here(sheet_of_rows(rows))["rejected"] == [
        "FILE_UNREADABLE",
        f"The file is damaged: {CONTRADICTIONS[rows]}. "
        "Open it in a spreadsheet program, save it again as xlsx or csv, and import that file.",
    ]


COVERED = [
    (2, "product__sku", "A", "INVALID_INPUT"),
    (3, "quantity", "2", "INVALID_QUANTITY"),
]


def test_a_sheet_without_a_part_is_named() -> None:
    assert read_here(without("xl/_rels/workbook.xml.rels"))["rejected"] == [
        "FILE_UNREADABLE",
        "The file is damaged: it lacks the part of the sheet 'Sheet1'. Open it in a spreadsheet "
        "program, save it again as xlsx or csv, and import that file.",
    ]
    hidden = repacked(
        "xl/workbook.xml", lambda x: x.replace(b"<sheet ", b'<sheet state="hidden" ')
    )
    assert read_here(hidden)["rejected"] == [
        "FILE_UNREADABLE",
        "The file has no visible sheet; unhide the one to import, and save it again.",
    ]


def test_a_cell_below_a_merged_one_is_not_shown_and_rejected() -> None:
    rows = [row(2, "A", 1), row(3, "B", 2), row(4, "C", 3)]
    areas = "".join(
        f'<mergeCell ref="{area}"/>' for area in ("A1:A2", "B2:B3", "D1:XFD9", "A4:A4")
    )
    below = "".join(rows) + f"</sheetData><mergeCells>{areas}</mergeCells>"
    content = repacked(
        SHEET, lambda x: re.sub(rb'<row r="2".*</sheetData>', below.encode(), x)
    )
    read = read_here(content)
    assert ([error[:4] for error in read["errors"]], read["error_count"]) == (COVERED, 2)
    assert read["rows"] == [(4, "C", 3, "E")]


def test_a_cell_below_a_merged_one_of_xls_is_rejected() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    sheet.merged_ranges.extend([(0, 1, 0, 0), (1, 2, 1, 1)])
    for number, cells in enumerate(
        [sheets.HEADER, ("A", 1, "E"), ("B", 2, "E"), ("C", 3, "E")]
    ):
        for column, cell in enumerate(cells):
            sheet.write(number, column, cell)
    target = io.BytesIO()
    book.save(target)
    read = read_here(target.getvalue())
    assert ([error[:4] for error in read["errors"]], read["error_count"]) == (COVERED, 2)
    assert read["rows"] == [(4, "C", 3, "E")]


def test_no_message_names_a_class_of_python() -> None:
    names = [name for name in dir(__builtins__) if name.endswith("Error")] or ["Error"]
    damaged = [SMALL[:size] for size in range(100, len(SMALL), 400)]
    damaged += [sheets.xls([["A", 1, "B"]] * 50)[:size] for size in range(100, 9_000, 900)]
    damaged += [
        SMALL[:at] + b"\xff\x00\xff" + SMALL[at + 3 :] for at in range(30, len(SMALL), 150)
    ]
    for content in damaged:
        code, message = read_here(content).get("rejected", ("", ""))
        assert code in ("", "FILE_UNREADABLE", "FILE_TOO_LARGE", "MISSING_COLUMN")
        assert not [name for name in (*names, "BadZipFile", "struct") if name in message]
