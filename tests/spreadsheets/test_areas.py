"""Areas of a sheet: merged cells and conditions, however many a file has."""

import struct
from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tasks.spreadsheets.areas import AreaIndex, find_covered_areas
from tasks.spreadsheets.cells import MergedCells, Row
from tasks.spreadsheets.compound_document import CompoundDocument
from tasks.spreadsheets.rows import RowReader
from tests.support import sheets
from tests.support.hostile_files import repacked
from tests.support.one_sku import SHEET, replacing
from tests.support.reading import read_here

NUMBERS = st.integers(0, 7)
AREAS = st.lists(st.builds(MergedCells, NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=8)
CELLS = list(product(range(9), range(9)))


def covers(area: MergedCells, row: int, column: int) -> bool:
    """Tells whether an area has a cell."""
    is_row_within = area.first_row <= row <= area.last_row
    return is_row_within and area.first_column <= column <= area.last_column


@given(AREAS)
def test_a_cell_is_found_as_by_a_look_at_each_area(areas: list[MergedCells]) -> None:
    index = AreaIndex(areas)
    assert [cell for cell in CELLS if index.contains(*cell)] == [
        cell for cell in CELLS if any(covers(area, *cell) for area in areas)
    ]


@given(AREAS)
def test_of_a_merged_area_only_the_first_cell_is_shown(areas: list[MergedCells]) -> None:
    index = AreaIndex(list(find_covered_areas(areas)))
    assert [cell for cell in CELLS if index.contains(*cell)] == [
        cell
        for cell in CELLS
        if any(
            covers(area, *cell) and cell != (area.first_row, area.first_column)
            for area in areas
        )
    ]


def test_merged_cells_without_number_take_no_look_at_each_row() -> None:
    rows: list[tuple[int, Row]] = [
        (number, {0: "A", 1: 1, 2: "B"}) for number in range(2, 60_002)
    ]
    reader = RowReader(is_marked=False)
    reader.read([(1, dict(enumerate(sheets.HEADER))), *rows])
    # Each of them over all rows: one after the other, they would take hours.
    reader.reject_covered([MergedCells(3, 60_001, 2, 9 + i) for i in range(100_000)])
    sheet = reader.spreadsheet()
    assert list(sheet.rows) == [(2, "A", 1, "B"), (3, "A", 1, "B")]
    assert sheet.error_count == 59_998


def test_conditions_without_number_take_no_look_at_each_cell() -> None:
    content = sheets.xlsx([[9, 1, "E"]] * 10_000)
    areas = b" ".join(b"A%d:B%d" % (row, row) for row in range(20_003, 500_000, 2))
    rule = (
        b'</sheetData><conditionalFormatting sqref="A3 %s"><cfRule type="dataBar">'
        b'<dataBar showValue="0"/></cfRule></conditionalFormatting>' % areas
    )
    read = read_here(repacked(SHEET, replacing(b"</sheetData>", rule), content))
    assert [error[:2] for error in read["errors"]] == [(3, "product__sku")]
    assert (read["rows_read"], len(read["rows"])) == (10_000, 9_999)


EOF, BOUNDSHEET, CELL_RECORDS = 0x0A, 0x85, {0xFD, 0x203, 0x27E}
FORMAT = struct.pack("<HH", 0xE0, 20) + bytes(20)


def with_missing_formats(stream: bytes, count: int) -> Iterator[bytes]:
    """Yields the records of an xls file with more formats, and cells that name none of them."""
    position, formats = 0, FORMAT * count
    while position + 4 <= len(stream):
        code, length = struct.unpack_from("<HH", stream, position)
        content = bytearray(stream[position + 4 : position + 4 + length])
        position += 4 + length
        if code == BOUNDSHEET:
            (begin,) = struct.unpack_from("<I", content)
            struct.pack_into("<I", content, 0, begin + len(formats))
        elif code in CELL_RECORDS:
            struct.pack_into("<H", content, 4, 60_000)
        elif code == EOF:
            # The first one ends the records of the whole workbook.
            yield formats
            formats = b""
        yield struct.pack("<HH", code, length) + content


def test_cells_of_xls_without_their_format_take_no_look_at_all_formats() -> None:
    file = sheets.xls([["A", 1, "B"]] * 60_000)
    stream = CompoundDocument(file).stream("workbook")
    read = read_here(b"".join(with_missing_formats(stream, 4_000)))
    assert (read["rows_read"], len(read["rows"])) == (60_000, 60_000)
