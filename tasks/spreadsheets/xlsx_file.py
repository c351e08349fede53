"""Reading xlsx: the first visible sheet, its texts and its number formats, and nothing else."""

from collections.abc import Iterator

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.cells import MergedCells, Row
from tasks.spreadsheets.xlsx_parts import (
    find_workbook,
    find_workbook_parts,
    read_formats,
    read_shared_texts,
)
from tasks.spreadsheets.xlsx_sheet import read_sheet_rows


def read_xlsx_rows(
    archive: Archive, *, cell_length: int, merged: list[MergedCells]
) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows of the first visible sheet that hold something; adds to `merged`."""
    parts = find_workbook_parts(archive, find_workbook(archive))
    texts = read_shared_texts(archive, parts.texts) if parts.texts else []
    formats = read_formats(archive, parts.styles) if parts.styles else []
    pieces = archive.pieces(parts.sheet)
    yield from read_sheet_rows(pieces, parts.sheet, texts, formats, cell_length, merged)
