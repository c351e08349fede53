"""The rows of a spreadsheet: what may stand in the columns that an import needs."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from tasks.spreadsheets.cells import (
    FORMULA_WITHOUT_VALUE,
    GENERAL_DIGITS,
    Cell,
    MergedCells,
    Number,
    Row,
    Unusable,
)
from tasks.spreadsheets.formula_text import read_text
from tasks.spreadsheets.header import COLUMNS, ERP_CODE, QUANTITY, SKU, positions_of_columns
from text import flaw_of, is_blank, trimmed
from text import shown as quoted

MAXIMUM_ERRORS = 1_000
"""The highest number of rejected cells that are listed."""
MAXIMUM_QUANTITY = 1_000_000
SHOWN = 100
"""How many characters of a rejected value are shown."""
CACHED_CELLS = 256
"""How many cells are cached: most quantities and divisions, and many products, occur repeatedly."""
AS_TEXT = "format the column as text and enter it again"

# Digits of other scripts are digits to Python too; only these ten count here.
_QUANTITY = re.compile(r"\+?0*([0-9]{1,12})(?:[.,]0{1,2})?", re.ASCII)
_AMBIGUOUS = re.compile(r"\+?[0-9]+[.,][0-9]{3}", re.ASCII)
_GROUPED = re.compile(r"\+?[0-9]{1,3}(?:[.,' \u00a0\u202f\u2019][0-9]{3})+", re.ASCII)


class BadCell(Exception):
    """Raised when a cell cannot be used; carries a code and a message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(cell: Cell | None) -> str | None:
    """Returns a rejected value for the report: cut, with its invisible characters written out."""
    return None if cell is None else quoted(str(cell)[:SHOWN])[1:-1]


def is_empty(cell: Cell | None) -> bool:
    """Tells whether a cell holds nothing, or a text that shows nothing."""
    return cell is None or (isinstance(cell, str) and is_blank(cell))


def quantity_of(cell: Cell | None) -> int:
    """Returns a whole number from 1 to 1,000,000; raises BadCell for anything else."""
    if cell is None or is_empty(cell):
        raise BadCell("INVALID_QUANTITY", "The quantity is missing.")
    quantity = _whole_number(cell)
    if quantity is None or not 1 <= quantity <= MAXIMUM_QUANTITY:
        raise BadCell("INVALID_QUANTITY", _quantity_message(cell))
    return quantity


def _whole_number(cell: Cell) -> int | None:
    if isinstance(cell, Number):
        return _whole_number(cell.value) if cell.is_plain else None
    if isinstance(cell, str):
        match = _QUANTITY.fullmatch(trimmed(cell))
        return int(match[1]) if match else None
    return cell if isinstance(cell, int) else None


def _quantity_message(cell: Cell) -> str:
    value = quoted(str(cell))
    if cell is FORMULA_WITHOUT_VALUE:
        return f"The quantity is {_unstored(cell)}."
    if isinstance(cell, str) and _AMBIGUOUS.fullmatch(trimmed(cell)):
        readings = "a decimal number in one country and thousands in another"
        return (
            f"Quantity {value} is ambiguous: it is {readings}; write it with digits only."
        )
    if isinstance(cell, str) and _GROUPED.fullmatch(trimmed(cell)):
        return f"Quantity {value} is grouped; write it with digits only."
    if isinstance(cell, Number) and not cell.is_plain:
        form = (
            f" by the number format {quoted(cell.format_code)}" if cell.format_code else ""
        )
        return f"Quantity {cell.value} is shown as another text{form}; format it as a whole number."
    return f"Quantity {value} is not a whole number between 1 and {MAXIMUM_QUANTITY}."


def _unstored(cell: Cell) -> str:
    return f"{cell}; open the file in a spreadsheet program and save it again"


def text_of(cell: Cell | None, name: str) -> str:
    """Returns a text as it stands there, or without outer spaces; raises BadCell for neither.

    Spaces may belong to a SKU: the look-up finds out.
    """
    if cell is None or is_empty(cell):
        raise BadCell("INVALID_INPUT", f"The {name} is missing.")
    if type(cell) is str and flaw_of(cell) is None:
        return cell
    text = trimmed(cell if isinstance(cell, str) else _text_from_other(cell, name))
    if flaw := flaw_of(text):
        raise BadCell("INVALID_INPUT", f"The {name} {flaw}.")
    return text


def _text_from_other(cell: int | float | Number | Unusable, name: str) -> str:
    if isinstance(cell, Unusable):
        remedy = _unstored(cell) if cell is FORMULA_WITHOUT_VALUE else f"{cell}; {AS_TEXT}"
        raise BadCell("INVALID_INPUT", f"The {name} is not a text but {remedy}.")
    if isinstance(cell, Number):
        return _text_from_number(cell, name)
    if isinstance(cell, float):
        reason = "which is written differently from country to country"
        raise BadCell(
            "INVALID_INPUT", f"The {name} {cell} is a number, {reason}; {AS_TEXT}."
        )
    if len(str(abs(cell))) > GENERAL_DIGITS:
        reason = "which spreadsheet programs show shortened"
        digits = f"a number of more than {GENERAL_DIGITS} digits"
        raise BadCell(
            "INVALID_INPUT", f"The {name} {cell} is {digits}, {reason}; {AS_TEXT}."
        )
    return str(cell)


def _text_from_number(cell: Number, name: str) -> str:
    if cell.shown is None or is_blank(cell.shown):
        form = (
            f" by the number format {quoted(cell.format_code)}" if cell.format_code else ""
        )
        reason = f"the sheet shows as another text{form}"
        raise BadCell(
            "INVALID_INPUT",
            f"The {name} {cell.value} is a number that {reason}; {AS_TEXT}.",
        )
    return cell.shown


def unmarked_text_of(cell: Cell | None, name: str) -> str:
    """Returns a text as `text_of`, without the apostrophes that make formulas harmless."""
    return read_text(text_of(cell, name))


NumberedRow: TypeAlias = tuple[int, Row]


class RowReader:
    """Reads rows one after the other and collects good ones and errors."""

    def __init__(self, *, is_marked: bool) -> None:
        cached = lru_cache(CACHED_CELLS, typed=True)
        self._text_of = cached(unmarked_text_of if is_marked else text_of)
        self._quantity_of = cached(quantity_of)
        self._positions: list[int] = []
        self.rows_read = 0
        self.error_count = 0
        self.rows: list[tuple[int, str, int, str]] = []
        self.errors: list[tuple[int, str, str | None, str, str]] = []

    def read(self, rows: Iterable[NumberedRow]) -> None:
        """Reads numbered rows that hold something; the first is the header. Raises Rejected."""
        filled = iter(rows)
        number, header = next(filled, (0, {}))
        self._positions = positions_of_columns(number, header)
        sku, quantity, erp_code = self._positions
        for number, row in filled:
            self.rows_read += 1
            self._take(number, row.get(sku), row.get(quantity), row.get(erp_code))

    def reject_covered(self, merged: Iterable[MergedCells]) -> None:
        """Rejects good rows with a cell that lies below a merged one, and so is not shown."""
        covered = self._covered(merged)
        for number, sku, quantity, erp_code in (
            row for row in self.rows if row[0] in covered
        ):
            name = covered[number]
            message = (
                f"The {name} lies below a merged cell and is not shown; unmerge the cells."
            )
            code = "INVALID_QUANTITY" if name == QUANTITY else "INVALID_INPUT"
            cells: dict[str, Cell] = {SKU: sku, QUANTITY: quantity, ERP_CODE: erp_code}
            self.error_count += 1
            self._note(number, name, cells[name], BadCell(code, message))
        self.rows = [row for row in self.rows if row[0] not in covered]

    def _covered(self, merged: Iterable[MergedCells]) -> dict[int, str]:
        """Returns the rows of covered cells, each with the name of one such column."""
        numbers = [row[0] for row in self.rows]
        covered: dict[int, str] = {}
        for area in merged:
            for name, column in zip(COLUMNS, self._positions, strict=False):
                if area.first_column <= column <= area.last_column:
                    first = area.first_row + (column == area.first_column)
                    begin, end = (
                        bisect_left(numbers, first),
                        bisect_right(numbers, area.last_row),
                    )
                    covered |= dict.fromkeys(numbers[begin:end], name)
        return covered

    def _take(
        self, number: int, sku: Cell | None, quantity: Cell | None, erp_code: Cell | None
    ) -> None:
        try:
            good = (
                number,
                self._text_of(sku, SKU),
                self._quantity_of(quantity),
                self._text_of(erp_code, ERP_CODE),
            )
        except BadCell:
            self.error_count += 1
            self._note_bad(number, {SKU: sku, QUANTITY: quantity, ERP_CODE: erp_code})
        else:
            self.rows.append(good)

    def _note_bad(self, number: int, cells: dict[str, Cell | None]) -> None:
        for name, cell in cells.items():
            try:
                quantity_of(cell) if name == QUANTITY else text_of(cell, name)
            except BadCell as bad:
                self._note(number, name, cell, bad)

    def _note(self, number: int, name: str, cell: Cell | None, bad: BadCell) -> None:
        if len(self.errors) < MAXIMUM_ERRORS:
            self.errors.append((number, name, shown(cell), bad.code, bad.message))
