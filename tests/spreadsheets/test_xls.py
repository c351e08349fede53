"""Old xls files that every spreadsheet program opens, and whose faults lie where nobody looks."""

import struct

import pytest

from tasks.spreadsheets.compound_document import CompoundDocument
from tests.support import sheets
from tests.support.reading import read_here

ROWS = [[f"S{number}", number, "E"] for number in range(1, 301)]
EXPECTED = [(number + 1, f"S{number}", number, "E") for number in range(1, 301)]
BOF, EOF, BOUNDSHEET = 0x809, 0x0A, 0x85
# Records of fonts, colours, names, links, notes, drawings, merged cells, row labels and the like.
OTHERS = (
    *(0x31, 0x92, 0x293, 0x17, 0x18, 0x23, 0x1AE, 0x8C, 0x5C, 0x3D),
    *(
        0x1C,
        0x1B8,
        0x15F,
        0xE5,
        0x5D,
        0x1B6,
        0xEC,
        0x6F,
        0x99,
        0x55,
        0x7D,
        0x1B0,
        0x800,
        0x868,
    ),
)


def patched(offset: int, value: int) -> bytes:
    """Returns an xls file with another number in its header."""
    content = bytearray(sheets.xls(ROWS))
    struct.pack_into("<I", content, offset, value)
    return bytes(content)


# Counts and beginnings that other programs do not rely on.
HEADERS = {
    "more sectors of the table": (44, 99),
    "more sectors of the small table": (64, 7),
    "a small table without an end": (60, 0xFFFFFFFF),
    "a list of tables that is free": (68, 0xFFFFFFFF),
    "more lists of tables": (72, 5),
}


@pytest.mark.parametrize("name", HEADERS)
def test_numbers_of_the_header_that_are_wrong_do_not_matter(name: str) -> None:
    assert read_here(patched(*HEADERS[name]))["rows"] == EXPECTED


def test_bytes_behind_the_last_sector_do_not_matter() -> None:
    assert read_here(sheets.xls(ROWS) + b"appended")["rows"] == EXPECTED


def record(code: int, content: bytes) -> bytes:
    """Writes a record."""
    return struct.pack("<HH", code, len(content)) + content


def with_broken_records() -> bytes:
    """Returns the stream of an xls file with broken records at the beginning of each part."""
    stream = CompoundDocument(sheets.xls(ROWS)).stream("workbook")
    broken = b"".join(record(code, b"\x01\x02\x03") for code in OTHERS)
    written, position, sheet_position, starts = bytearray(), 0, 0, []
    while position + 4 <= len(stream):
        code, length = struct.unpack_from("<HH", stream, position)
        content = stream[position + 4 : position + 4 + length]
        if code == BOF:
            starts.append(len(written))
        if code == BOUNDSHEET:
            sheet_position = len(written) + 4
        written += record(code, content) + (broken if code == BOF else b"")
        position += 4 + length
    struct.pack_into("<I", written, sheet_position, starts[1])
    return bytes(written)


def test_records_that_an_import_does_not_need_may_be_broken() -> None:
    assert read_here(with_broken_records())["rows"] == EXPECTED


def test_a_stream_without_its_end_is_rejected() -> None:
    stream = CompoundDocument(sheets.xls(ROWS)).stream("workbook")
    end = stream.rindex(record(EOF, b""))
    for size in (end, end // 2, 100):
        code, message = read_here(stream[:size])["rejected"]
        assert (code, message.split(":")[0]) == ("FILE_UNREADABLE", "The file is damaged")
