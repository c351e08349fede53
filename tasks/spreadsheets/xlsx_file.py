"""Reading xlsx with openpyxl, after a look at the archive: what would grow beyond measure is refused before it does."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from tasks.spreadsheets.rows import ErrorCell, Refused

MAXIMUM_ENTRIES = 1_000
MAXIMUM_PART_BYTES = 2_000_000
"""The largest part, unpacked, that is neither a sheet nor the table of texts: styles, names, relations."""
_PIECE = 1_000_000
_LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings", "xl/media/", "xl/vbaProject", "xl/drawings/", "docProps/")


def rows_of_xlsx(
    content: bytes, *, unpacked_bytes: int, columns: int, cell_length: int
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yields the numbered rows of the first visible sheet; raises Refused."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        _check_archive(archive, unpacked_bytes)
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not visible:
        raise Refused("FILE_UNREADABLE", "The file has no visible sheet.")
    # The size that a sheet claims to have may be a lie, and empty rows are made up to it.
    visible[0].reset_dimensions()
    for number, row in enumerate(visible[0].iter_rows(), start=1):
        if len(row) > columns:
            raise Refused("FILE_TOO_LARGE", f"Row {number} has {len(row)} columns; at most {columns} are allowed.")
        yield number, [_value(cell, cell_length) for cell in row]


def _check_archive(archive: zipfile.ZipFile, unpacked_bytes: int) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names:
        raise Refused("FILE_UNREADABLE", f"The file is a zip archive of {_described(names)}, not an xlsx file.")
    if len(entries) > MAXIMUM_ENTRIES:
        message = f"The file has {len(entries)} parts; at most {MAXIMUM_ENTRIES} are allowed."
        raise Refused("FILE_TOO_LARGE", message)
    # Reading a part stops at the size that it claims to have, so the claims are an upper bound.
    total = sum(entry.file_size for entry in entries)
    if total > unpacked_bytes:
        message = f"The file has {total} bytes when unpacked; at most {unpacked_bytes} are allowed."
        raise Refused("FILE_TOO_LARGE", message)
    for entry in entries:
        _check_part(archive, entry)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & 1:
        raise Refused("FILE_UNREADABLE", "The file is encrypted; save it without a password.")
    if entry.file_size > MAXIMUM_PART_BYTES and not entry.filename.startswith(_LARGE_PARTS):
        part = f"Its part {entry.filename[:100]!r} has {entry.file_size} bytes"
        raise Refused("FILE_TOO_LARGE", f"{part}; at most {MAXIMUM_PART_BYTES} are allowed.")
    if entry.filename.endswith((".xml", ".rels")):
        _check_entities(archive, entry)


def _check_entities(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Looks through a whole part, a piece at a time: comments may push a declaration anywhere."""
    end = b""
    with archive.open(entry) as opened:
        while piece := opened.read(_PIECE):
            seen = end + piece.replace(b"\x00", b"").upper()
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise Refused("FILE_UNREADABLE", "The file declares XML entities, which no spreadsheet program writes.")
            end = seen[-10:]


def _described(names: set[str]) -> str:
    if "word/document.xml" in names:
        return "a text document"
    if "content.xml" in names:
        return "an OpenDocument file"
    if "xl/workbook.bin" in names:
        return "a binary workbook (xlsb)"
    return "other files"


def _value(cell: Any, cell_length: int) -> Any:
    value = cell.value
    if cell.data_type == "e":
        return ErrorCell()
    if not isinstance(value, str):
        return value
    if len(value) > cell_length:
        raise Refused("FILE_TOO_LARGE", f"A cell has more than {cell_length} characters.")
    # openpyxl leaves the escapes of xlsx as they are: _x005F_ is an underscore.
    return unescape(value) if "_x" in value else value
