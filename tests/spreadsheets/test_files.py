"""Files that every spreadsheet program opens are read, whatever is odd about them."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
import xlwt

from tests.spreadsheets.test_hostile import SMALL, repacked, with_sheet
from tests.spreadsheets.test_reading import read_here
from tests.support import ods, sheets

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


def ods_rows(*rows: list[str]) -> bytes:
    """Returns an ods file with these rows below its header."""
    return ods.document(ods.table([[ods.text_cell(name) for name in sheets.HEADER], *rows]))


def test_ods_counts_as_it_is_shown() -> None:
    text, number = ods.text_cell, ods.number_cell
    content = read_here(
        ods_rows(
            [number(7, "00007"), number(1000, "1.000"), text("E")],
            [text("A"), number(3, "3,00"), text("E")],
            [text("A"), number(3, "300%", "percentage"), text("E")],
            [text("A"), number(3, "€ 3", "currency"), text("E")],
            [text("A"), number(3000, "3"), text("E")],
            [text("A"), number(2.5, "3"), text("E")],
            [ods.cell('office:value-type="float" office:value="7"'), text("1"), text("E")],
            [
                ods.cell('office:value-type="boolean" office:boolean-value="true"'),
                text("1"),
                text("E"),
            ],
            [
                ods.cell('office:value-type="string" calcext:value-type="error"'),
                text("1"),
                text("E"),
            ],
            [
                ods.cell('office:value-type="date"', "<text:p>1.2.26</text:p>"),
                text("1"),
                text("E"),
            ],
        )
    )
    assert content["rows"] == [(2, "00007", 1000, "E"), (3, "A", 3, "E")]
    assert [error[:2] for error in content["errors"]] == [
        *[(number, "quantity") for number in (4, 5, 6, 7)],
        *[(number, "product__sku") for number in (8, 9, 10, 11)],
    ]


def test_a_text_of_ods_has_its_spaces_and_no_notes() -> None:
    note = "<office:annotation><text:p>note</text:p></office:annotation>"
    ruby = "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby>"
    texts = {
        f"{note}<text:p>A</text:p>": "A",
        "<text:p>A<text:s text:c='2'/>B \n C</text:p>": "A  B C",
        "<text:p><text:span>A</text:span><text:a>B</text:a></text:p>": "AB",
        f"<text:p>{ruby}</text:p>": "漢",
    }
    cells = [ods.cell('office:value-type="string"', content) for content in texts]
    content = read_here(
        ods_rows(*[[cell, ods.text_cell("1"), ods.text_cell("E")] for cell in cells])
    )
    assert [row[1] for row in content["rows"]] == list(texts.values())


def test_the_first_visible_sheet_of_ods_counts_and_covered_cells_do_not() -> None:
    header = [ods.text_cell(name) for name in sheets.HEADER]
    hidden = ods.table(
        [header, [ods.text_cell("H"), ods.text_cell("1"), ods.text_cell("E")]], style="ta2"
    )
    covered = ods.cell('office:value-type="string"', "<text:p>C</text:p>").replace(
        "table-cell", "covered-table-cell"
    )
    shown = ods.table([header, [covered, ods.text_cell("1"), ods.text_cell("E")]])
    content = read_here(ods.document(hidden + shown))
    assert content["errors"] == [
        (2, "product__sku", None, "INVALID_INPUT", "The product__sku is missing.")
    ]


def test_repeated_rows_and_cells_of_ods_count_as_often_as_they_are_repeated() -> None:
    empty = '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
    content = read_here(ods.book([["A", "1", "B"]], before=empty))
    assert content["rows"] == [(5, "A", 1, "B")]
    repeated = ods.document(
        ods.table([[ods.text_cell(name) for name in sheets.HEADER]]).replace(
            "</table:table>",
            '<table:table-row table:number-rows-repeated="2">'
            + ods.text_cell("2", 'table:number-columns-repeated="3"')
            + "</table:table-row></table:table>",
        )
    )
    assert read_here(repeated)["rows"] == [(2, "2", 2, "2"), (3, "2", 2, "2")]


COVERED = [
    (2, "product__sku", "A", "INVALID_INPUT"),
    (3, "quantity", "2", "INVALID_QUANTITY"),
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
    "old line ends of a Mac": (HEADER.replace("\r\n", "\r") + "A;1;B\r", (2, "A", 1, "B")),
}


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
