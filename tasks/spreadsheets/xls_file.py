"""Reading xls with xlrd, which is given the records of cells, texts and formats and no others."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import xlrd
from xlrd import biffh

from tasks.spreadsheets.cells import (
    BOOLEANS,
    ERROR,
    FORMULA_WITH_ZERO,
    Cell,
    MergedCells,
    Row,
    add_cell,
    number_from_float,
)
from tasks.spreadsheets.compound_document import SIGNATURE, CompoundDocument
from tasks.spreadsheets.number_format import (
    NumberFormat,
    find_built_in_code,
    parse_number_format,
)
from tasks.spreadsheets.rejection import (
    ENCRYPTED,
    NO_VISIBLE_SHEET,
    check_cell_length,
    damage_rejection,
    format_column,
    format_rejection,
)
from tasks.spreadsheets.xls_conditions import CONDITIONS, XlsConditions
from tasks.spreadsheets.xlsx_parts import join_surrogates

_STREAMS = ("workbook", "book")
_HEAD = struct.Struct("<HH")
_AREA = struct.Struct("<HHHH")
_NEEDED = frozenset(
    {
        *biffh.bofcodes,
        *(
            biffh.XL_EOF,
            biffh.XL_CONTINUE,
            biffh.XL_SST,
            biffh.XL_BOUNDSHEET,
            biffh.XL_CODEPAGE,
        ),
        *(biffh.XL_FILEPASS, biffh.XL_FORMAT, biffh.XL_FORMAT2, biffh.XL_XF, biffh.XL_XF2),
        *(biffh.XL_XF3, biffh.XL_XF4, biffh.XL_IXFE, biffh.XL_BUILTINFMTCOUNT),
        *(biffh.XL_SHEETHDR, biffh.XL_SHEETSOFFSET),
        *(biffh.XL_NUMBER, biffh.XL_RK, biffh.XL_MULRK, biffh.XL_LABELSST, biffh.XL_LABEL),
        *(biffh.XL_RSTRING, biffh.XL_BOOLERR, biffh.XL_STRING, biffh.XL_STRING_B2),
        *biffh.XL_FORMULA_OPCODES,
        *(biffh.XL_INTEGER, biffh.XL_NUMBER_B2, biffh.XL_LABEL_B2, biffh.XL_BOOLERR_B2),
    }
)


def _decode_half(text: bytes, encoding: str) -> str:
    return text.decode(encoding, "surrogatepass")


def _unpack_merged_cells(content: bytes) -> Iterator[MergedCells]:
    for area in _AREA.iter_unpack(content[2 : 2 + (len(content) - 2) // 8 * 8]):
        first_row, last_row, first_column, last_column = area
        yield MergedCells(first_row + 1, last_row + 1, first_column, last_column)


def _read_needed_record(book: Any) -> tuple[int, int, bytes]:
    """Returns the next record that an import needs; xlrd checks all it gets, also notes, fonts."""
    while True:
        position = book._position
        code, length = _HEAD.unpack_from(book.mem, position)
        first = position + 4
        book._position = first + length
        if code == biffh.XL_MERGEDCELLS:
            book.merged += _unpack_merged_cells(book.mem[first : first + length])
        elif code in CONDITIONS:
            book.conditions.take(code, book.mem[first : first + length])
        if code in _NEEDED:
            book.record = code
            return code, length, book.mem[first : first + length]


class NeededBook(xlrd.book.Book):  # type: ignore[misc]
    """A workbook that passes over records which an import does not need."""

    get_record_parts = _read_needed_record

    def __init__(self) -> None:
        super().__init__()
        self.merged: list[MergedCells] = []
        self.conditions = XlsConditions()
        self.record = 0


class SparseSheet(xlrd.sheet.Sheet):  # type: ignore[misc]
    """A sheet that stores the cells which hold something, as they are shown."""

    def __init__(self, book: Any, *arguments: Any) -> None:
        super().__init__(book, *arguments)
        self.filled_rows: dict[int, Row] = {}
        self._formats: list[NumberFormat | None] = []
        # Not a method: xlrd chooses between two of its own by this attribute of the sheet.
        self.put_cell = self._put

    def _put(
        self, row: int, column: int, cell_type: int | None, value: Any, format: int
    ) -> None:
        cell = self._cell(cell_type, value, self._format(format))
        if cell is None or cell == "":
            return
        if not add_cell(self.filled_rows.setdefault(row, {}), column, cell):
            raise damage_rejection(
                f"the cell {format_column(column)}{row + 1} stands in it twice"
            )

    def _format(self, index: int) -> NumberFormat | None:
        # Old files list formats in the sheet itself, between its cells.
        if index >= len(self._formats) and len(self._formats) < len(self.book.xf_list):
            self._formats = _formats(self.book)
        return self._formats[index] if 0 <= index < len(self._formats) else None

    def _cell(
        self, cell_type: int | None, value: Any, format: NumberFormat | None
    ) -> Cell | None:
        if cell_type is None or cell_type == biffh.XL_CELL_NUMBER:
            number = number_from_float(float(value))
            if not number and self.book.record in biffh.XL_FORMULA_OPCODES:
                return FORMULA_WITH_ZERO
            return number if format is None else format.show_number(number)
        if cell_type == biffh.XL_CELL_TEXT:
            text = value if value.isascii() else join_surrogates(value)
            return text if format is None else format.show_text(text)
        if cell_type == biffh.XL_CELL_BOOLEAN:
            return BOOLEANS[bool(value)]
        return ERROR if cell_type == biffh.XL_CELL_ERROR else None


# xlrd has no option for its classes of workbooks and sheets, and decodes each piece of a text
# alone. Long lists of texts are cut into records, sometimes within a character beyond U+FFFF, for
# which it rejects the file: `_decode_half` keeps both halves, `join_surrogates` joins them.
_REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (xlrd.book, "Book", NeededBook),
    (xlrd.sheet, "Sheet", SparseSheet),
    (xlrd.biffh, "unicode", _decode_half),
    (xlrd.book, "unicode", _decode_half),
    (xlrd.sheet, "unicode", _decode_half),
)


@contextmanager
def _patch_xlrd() -> Iterator[None]:
    """Patches xlrd while a file is read; only child processes, which read one file, call it."""
    originals = [getattr(module, name) for module, name, _ in _REPLACED]
    for module, name, own in _REPLACED:
        setattr(module, name, own)
    try:
        yield
    finally:
        for (module, name, _), original in zip(_REPLACED, originals, strict=True):
            setattr(module, name, original)


def _formats(book: Any) -> list[NumberFormat | None]:
    keys = (cell_format.format_key for cell_format in book.xf_list)
    return [parse_number_format(_find_format_code(book, key)) for key in keys]


def _find_format_code(book: Any, key: int) -> str:
    format = book.format_map.get(key)
    return format.format_str if format and format.format_str else find_built_in_code(key)


def read_xls_rows(
    content: bytes, *, cell_length: int, merged: list[MergedCells]
) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows of the first visible sheet that hold something; adds to `merged`."""
    if content.startswith(SIGNATURE):
        content = _read_workbook(CompoundDocument(content))
    with _patch_xlrd():
        book = _open_book(content)
        sheet = _find_visible_sheet(book)
    merged += book.merged
    for row, cells in sorted(sheet.filled_rows.items()):
        for column, cell in cells.items():
            if isinstance(cell, str):
                check_cell_length(cell, cell_length, row + 1, column)
        book.conditions.apply(row + 1, cells)
        yield row + 1, cells


def _read_workbook(document: CompoundDocument) -> bytes:
    names = document.names()
    if not names:
        raise damage_rejection("its list of contents is missing")
    if "encryptedpackage" in names:
        raise format_rejection(ENCRYPTED)
    name = next((name for name in _STREAMS if name in names), None)
    if name is None:
        content = "a text document" if "worddocument" in names else "no workbook"
        raise format_rejection(
            f"The file is no spreadsheet: it holds {content}. Save it as xlsx or csv."
        )
    return document.stream(name)


def _open_book(content: bytes) -> Any:
    # xlrd prints warnings of odd records.
    with open(os.devnull, "w") as nowhere:
        try:
            return xlrd.book.open_workbook_xls(
                file_contents=content, on_demand=True, logfile=nowhere
            )
        except biffh.XLRDError as error:
            if "encrypted" in str(error).lower():
                raise format_rejection(ENCRYPTED) from None
            raise


def _find_visible_sheet(book: Any) -> Any:
    # Sheets are loaded on demand, and before that only this private list tells which are visible.
    for index, visibility in enumerate(book._sheet_visibility):
        if visibility == 0:
            return book.sheet_by_index(index)
    raise format_rejection(NO_VISIBLE_SHEET)
