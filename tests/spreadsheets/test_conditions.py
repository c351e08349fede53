"""Conditional formats, which may show a cell otherwise than its own format does."""

import io
import struct
import zipfile

import pytest
import xlsxwriter

from tasks.spreadsheets.child import read
from tasks.spreadsheets.rejection import SpreadsheetCode, SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tests.support import sheets
from tests.support.hostile_files import repacked
from tests.support.one_sku import SHEET, messages, replacing, skus, xls_stream, xlsx_sku
from tests.support.reading import read_here

NEEDED_PARTS = [
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "xl/sharedStrings.xml",
    SHEET,
]


@pytest.mark.parametrize(
    ("area", "rejected"),
    [("A2", ["product__sku"]), ("A1:B9", ["product__sku", "quantity"]), ("A3:A9", [])],
)
def test_a_number_that_a_condition_may_show_otherwise_is_rejected(
    area: str, rejected: list[str]
) -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, sheets.HEADER)
        sheet.write_row(1, 0, [9, 1, "E"])
        bold = book.add_format({"bold": True})
        padded = book.add_format({"num_format": "0000"})
        for format in (bold, padded):
            condition = {"type": "cell", "criteria": ">", "value": 0, "format": format}
            sheet.conditional_format(area if format is padded else "A1:C9", condition)
    content = read_here(target.getvalue())
    assert [error[1] for error in content["errors"]] == rejected
    assert content["rows"] == ([] if rejected else [(2, "9", 1, "E")])


EXTENSION = b"""<extLst><ext uri="{78C0D931-6437-407d-A8EE-F0AAD7539E65}"
xmlns:q="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><q:conditionalFormattings>
<q:conditionalFormatting><q:cfRule type="%s" priority="1" id="{A}"><xm:f>Other!$A$1</xm:f>%s</q:cfRule>
<xm:sqref>%s</xm:sqref></q:conditionalFormatting>
</q:conditionalFormattings></ext></extLst></worksheet>"""
PADDING = b'<q:dxf><numFmt numFmtId="170" formatCode="%s"/></q:dxf>'
BOLD = b"<q:dxf><font><b/></font></q:dxf>"
BAR = b'<q:dataBar showValue="%s" minLength="0"><q:cfvo type="min"/></q:dataBar>'
RULES = [
    (b"expression", PADDING % b"00000", b"A2", ["product__sku"]),
    (b"expression", PADDING % b"00000", b"C9 A2:B3", ["product__sku", "quantity"]),
    (b"expression", PADDING % b"00000", b"A3:B4 C1", []),
    (b"expression", PADDING % b"General", b"B2", ["quantity"]),
    (
        b"expression",
        PADDING % b";;;",
        b"A2:C2",
        ["product__sku", "quantity", "division__erp_code"],
    ),
    (b"expression", PADDING % b"0;0;0;@&quot;!&quot;", b"C2:D2", ["division__erp_code"]),
    (b"expression", BOLD, b"A1:C9", []),
    (b"dataBar", BAR % b"0", b"A2:B2", ["product__sku", "quantity"]),
    (b"dataBar", BAR % b"1", b"A2:B2", []),
    (b"iconSet", b'<q:iconSet showValue="false"/>', b"B1:B9", ["quantity"]),
    (b"expression", PADDING % b"0.0", b"Sheet1!A2", ["product__sku", "quantity"]),
]


@pytest.mark.parametrize(("kind", "rule", "area", "rejected"), RULES)
def test_a_rule_of_newer_programs_that_shows_a_cell_otherwise_rejects_it(
    kind: bytes, rule: bytes, area: bytes, rejected: list[str]
) -> None:
    extension = EXTENSION % (kind, rule, area)
    content = read_here(
        repacked(SHEET, replacing(b"</worksheet>", extension), xlsx_sku(9, "General"))
    )
    assert [error[1] for error in content["errors"]] == rejected
    assert content["rows"] == ([] if rejected else [(2, "9", 1, "E")])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_conditions_are_found_in_every_encoding_of_a_sheet(encoding: str) -> None:
    def encode(content: bytes) -> bytes:
        extension = EXTENSION % (b"expression", PADDING % b"00000", b"A2")
        text = content.replace(b"</worksheet>", extension).decode()
        return text.replace('encoding="UTF-8" ', "").encode(encoding)

    assert skus(repacked(SHEET, encode, xlsx_sku(9, "General"))) == []


def test_a_text_with_a_format_of_its_own_is_rejected_where_a_condition_has_another() -> (
    None
):
    extension = EXTENSION % (b"expression", PADDING % b"0", b"A2")
    prefixed = xlsx_sku("7", '"P-"@')
    assert skus(prefixed) == ["P-7"]
    changed = repacked(SHEET, replacing(b"</worksheet>", extension), prefixed)
    (message,) = messages(changed)
    assert message.startswith(
        "The product__sku is not a text but a text that its number format changes;"
    )
    assert skus(
        repacked(SHEET, replacing(b"</worksheet>", extension), xlsx_sku("7", "@"))
    ) == ["7"]


def test_a_sheet_with_conditions_counts_once_for_the_limit_of_unpacked_bytes() -> None:
    extension = EXTENSION % (b"expression", PADDING % b"0000", b"A3")
    content = repacked(SHEET, replacing(b"</worksheet>", extension), xlsx_sku(9, "General"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(archive.getinfo(part).file_size for part in NEEDED_PARTS)
    assert [*read(content, SpreadsheetLimits(unpacked_bytes=size)).rows] == [
        (2, "9", 1, "E")
    ]
    with pytest.raises(SpreadsheetRejected) as rejected:
        read(content, SpreadsheetLimits(unpacked_bytes=size - 1))
    assert rejected.value.code is SpreadsheetCode.FILE_TOO_LARGE


AREA = struct.pack("<4H", 1, 1, 0, 1)
NUMBER, FONT = struct.pack("<I", 1 << 25), struct.pack("<I", 1 << 26)
OLD_AREAS = (0x1B0, struct.pack("<2H", 1, 0) + AREA)
NEW_AREAS = (0x879, bytes(12) + struct.pack("<2H", 1, 0) + AREA)
RECORDS = {
    "a rule": [OLD_AREAS, (0x1B1, bytes(6) + NUMBER + bytes(2))],
    "a rule of Excel 2007": [NEW_AREAS, (0x87A, bytes(22) + NUMBER + bytes(2))],
    "an extended rule": [
        OLD_AREAS,
        (0x1B1, bytes(6) + FONT + bytes(2)),
        (0x87B, bytes(4) + AREA + bytes(18) + NUMBER),
    ],
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("flags", [NUMBER, FONT])
def test_a_number_of_xls_that_a_condition_may_show_otherwise_is_rejected(
    name: str, flags: bytes
) -> None:
    records = b"".join(
        struct.pack("<2H", code, len(content)) + content.replace(NUMBER, flags)
        for code, content in RECORDS[name]
    )
    end = struct.pack("<2H", 0x0A, 0)
    stream = xls_stream(9, "General")
    assert stream.endswith(end)
    content = read_here(stream.removesuffix(end) + records + end)
    rejected = [error[1] for error in content["errors"]]
    assert rejected == (["product__sku", "quantity"] if flags == NUMBER else [])
