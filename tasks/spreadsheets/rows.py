"""The rows of a spreadsheet: which columns count, and what may stand in them."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from tasks.spreadsheets.formula_text import read_text
from text import flaw_of, is_blank, trimmed

COLUMNS = SKU, QUANTITY, ERP_CODE = ("product__sku", "quantity", "division__erp_code")
MAXIMUM_ERRORS = 1_000
"""The highest number of refused cells that are listed."""
MAXIMUM_QUANTITY = 1_000_000
SHOWN = 100
"""How many characters of a refused value are shown."""
REMEMBERED = 256
"""How many cells are remembered: most quantities and divisions, and many products, stand in a file more than once."""

# Digits of other scripts are digits to Python too; only these ten count here.
_WHOLE = re.compile(r"\+?0*([0-9]{1,12})(?:\.0+)?", re.ASCII)


class Refused(Exception):
    """Raised when a file cannot be read; carries a code and a message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BadCell(Exception):
    """Raised when a cell cannot be used; carries a code and a message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ErrorCell:
    """Stands for a cell that holds an error, as #DIV/0!."""

    def __str__(self) -> str:
        return "an error value"


def shown(cell: Any) -> str | None:
    """Writes a refused value for a person, cut, with what cannot be printed made visible."""
    if cell is None:
        return None
    text = str(cell)[:SHOWN]
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def is_empty(cell: Any) -> bool:
    """Tells whether a cell holds nothing, or a text that shows nothing."""
    return cell is None or (isinstance(cell, str) and is_blank(cell))


def places_of(header: Sequence[Any]) -> list[int]:
    """Returns where each of COLUMNS stands; raises Refused when one is missing or stands twice."""
    names = ["".join(str(cell or "").replace("\ufeff", "").split()).casefold() for cell in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        found = ", ".join(str(shown(cell)) for cell in header[:20] if not is_empty(cell)) or "nothing"
        message = f"The column {' and the column '.join(missing)} is missing; the first row has: {found}."
        raise Refused("MISSING_COLUMN", message)
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise Refused("FILE_UNREADABLE", f"The column {twice[0]} stands there {names.count(twice[0])} times.")
    return [names.index(name) for name in COLUMNS]


def quantity_of(cell: Any) -> int:
    """Returns a whole number from 1 to 1,000,000; raises BadCell for anything else."""
    if is_empty(cell):
        raise BadCell("INVALID_QUANTITY", "The quantity is missing.")
    quantity = _whole_number(cell)
    if quantity is None or not 1 <= quantity <= MAXIMUM_QUANTITY:
        message = f"Quantity {shown(cell)} is not a whole number between 1 and {MAXIMUM_QUANTITY}."
        raise BadCell("INVALID_QUANTITY", message)
    return quantity


def _whole_number(cell: Any) -> int | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int):
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 1e15 else None
    match = _WHOLE.fullmatch(trimmed(cell)) if isinstance(cell, str) else None
    return int(match[1]) if match else None


def text_of(cell: Any, name: str) -> str:
    """Returns a text as it stands there, or without outer spaces; raises BadCell for neither.

    Spaces may belong to a SKU: the look-up finds out.
    """
    if is_empty(cell):
        raise BadCell("INVALID_INPUT", f"The {name} is missing.")
    if type(cell) is str and flaw_of(cell) is None:
        return cell
    if isinstance(cell, bool | datetime | date | time | timedelta | ErrorCell):
        raise BadCell("INVALID_INPUT", f"{name} {shown(cell)} is not a text; format the column as text.")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    text = trimmed(str(cell))
    if flaw := flaw_of(text):
        raise BadCell("INVALID_INPUT", f"The {name} {flaw}.")
    return text


def unmarked_text_of(cell: Any, name: str) -> str:
    """Returns a text as `text_of`, without the apostrophe that makes a formula harmless."""
    return read_text(text_of(cell, name))


class RowReader:
    """Reads rows one after the other and collects good ones and errors."""

    def __init__(self, *, is_marked: bool) -> None:
        remembering = lru_cache(REMEMBERED, typed=True)
        self._text_of = remembering(unmarked_text_of if is_marked else text_of)
        self._quantity_of = remembering(quantity_of)
        self.rows_read = 0
        self.error_count = 0
        self.rows: list[tuple[int, str, int, str]] = []
        self.errors: list[tuple[int, str, str | None, str, str]] = []

    def read(self, rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
        """Reads numbered rows; the first that is not empty is the header. Raises Refused."""
        filled = ((number, row) for number, row in rows if not all(map(is_empty, row)))
        _, header = next(filled, (0, ()))
        places = places_of(header)
        width, cells_of = max(places) + 1, itemgetter(*places)
        for number, row in filled:
            self.rows_read += 1
            self._take(number, *cells_of(row if len(row) >= width else [*row, *[None] * (width - len(row))]))

    def _take(self, number: int, sku: Any, quantity: Any, erp_code: Any) -> None:
        try:
            good = (number, self._text_of(sku, SKU), self._quantity_of(quantity), self._text_of(erp_code, ERP_CODE))
        except BadCell:
            self.error_count += 1
            self._note_bad(number, {SKU: sku, QUANTITY: quantity, ERP_CODE: erp_code})
        else:
            self.rows.append(good)

    def _note_bad(self, number: int, cells: dict[str, Any]) -> None:
        for name, cell in cells.items():
            try:
                quantity_of(cell) if name == QUANTITY else text_of(cell, name)
            except BadCell as bad:
                self._note(number, name, cell, bad)

    def _note(self, number: int, name: str, cell: Any, bad: BadCell) -> None:
        if len(self.errors) < MAXIMUM_ERRORS:
            self.errors.append((number, name, shown(cell), bad.code, bad.message))
