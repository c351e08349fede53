"""Reading xls with xlrd: pyexcel's reader hides which sheets are visible and what kind of value a cell holds."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import xlrd
from xlrd.biffh import (
    XL_CELL_BOOLEAN,
    XL_CELL_DATE,
    XL_CELL_ERROR,
    XL_CELL_NUMBER,
    XL_CELL_TEXT,
    XLRDError,
)

from tasks.spreadsheets.rows import ErrorCell, Refused

_SURROGATE = re.compile("[\ud800-\udfff]")


def _half_decoded(text: bytes, encoding: str) -> str:
    return text.decode(encoding, "surrogatepass")


# Long lists of texts are cut into records, sometimes through the middle of a letter beyond U+FFFF. xlrd decodes every
# piece by itself and gives up on the whole file. Decoded like this the halves meet again in `_whole`.
xlrd.biffh.unicode = xlrd.book.unicode = xlrd.sheet.unicode = _half_decoded


def _whole(text: str) -> str:
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def rows_of_xls(content: bytes, *, columns: int, cell_length: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yields the numbered rows of the first visible sheet; raises Refused."""
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Refused("FILE_UNREADABLE", "The file is encrypted; save it without a password.")
    sheet = _first_visible_sheet(_book(content))
    for place in range(sheet.nrows):
        width = sheet.row_len(place)
        if width > columns:
            raise Refused("FILE_TOO_LARGE", f"Row {place + 1} has {width} columns; at most {columns} are allowed.")
        kinds, values = sheet.row_types(place), sheet.row_values(place)
        yield place + 1, [_value(kind, value, cell_length) for kind, value in zip(kinds, values, strict=True)]


def _book(content: bytes) -> Any:
    with open(os.devnull, "w") as nowhere:
        try:
            return xlrd.open_workbook(file_contents=content, on_demand=True, ragged_rows=True, logfile=nowhere)
        except XLRDError as error:
            if "encrypted" in str(error).lower():
                message = "The file is encrypted; save it without a password."
                raise Refused("FILE_UNREADABLE", message) from None
            raise


def _first_visible_sheet(book: Any) -> Any:
    for place in range(book.nsheets):
        sheet = book.sheet_by_index(place)
        if sheet.visibility == 0:
            return sheet
        book.unload_sheet(place)
    raise Refused("FILE_UNREADABLE", "The file has no visible sheet.")


def _value(kind: int, value: Any, cell_length: int) -> Any:
    if kind == XL_CELL_NUMBER:
        return value
    if kind == XL_CELL_TEXT:
        if len(value) > cell_length:
            raise Refused("FILE_TOO_LARGE", f"A cell has more than {cell_length} characters.")
        return value if value.isascii() else _whole(value)
    return _other_value(kind, value)


def _other_value(kind: int, value: Any) -> Any:
    if kind == XL_CELL_BOOLEAN:
        return bool(value)
    if kind == XL_CELL_DATE:
        return DateCell()
    if kind == XL_CELL_ERROR:
        return ErrorCell()
    return None


class DateCell(ErrorCell):
    """Stands for a cell that is formatted as a date."""

    def __str__(self) -> str:
        return "a date"
