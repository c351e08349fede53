"""Reading xlsx: the first visible sheet, its texts and its number formats, and nothing else."""

from collections.abc import Iterator

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.cells import MergedCells, Row
from tasks.spreadsheets.xlsx_conditions import (
    ConditionalAreas,
    has_conditions,
    read_conditional_areas,
)
from tasks.spreadsheets.xlsx_parts import (
    WorkbookFormats,
    find_workbook,
    find_workbook_parts,
    read_formats,
    read_shared_texts,
)
from tasks.spreadsheets.xlsx_sheet import SheetReader, read_sheet_rows


def read_xlsx_rows(
    archive: Archive, *, cell_length: int, merged: list[MergedCells]
) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows of the first visible sheet that hold something; adds to `merged`."""
    parts = find_workbook_parts(archive, find_workbook(archive))
    texts = read_shared_texts(archive, parts.texts) if parts.texts else []
    formats = WorkbookFormats([], {})
    if parts.styles:
        formats = read_formats(archive, parts.styles)
    areas = ConditionalAreas([], [])
    # Conditions stand behind the rows.
    if has_conditions(archive.pieces(parts.sheet)):
        pieces = archive.pieces(parts.sheet)
        areas = read_conditional_areas(pieces, parts.sheet, formats.conditional)
    sheet = SheetReader(texts, formats.cells, cell_length, *areas)
    yield from read_sheet_rows(archive.pieces(parts.sheet), parts.sheet, sheet)
    merged += sheet.merged
