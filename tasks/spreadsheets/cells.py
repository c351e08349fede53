"""Cells that are not texts: numbers with the form in which a sheet shows them, dates, errors."""

from typing import Any, NamedTuple, TypeAlias

GENERAL_DIGITS = 11
"""The longest whole number that the format General shows in full; longer ones become 1.2E+12."""
EXACT_DIGITS = 15
"""The longest whole number that spreadsheet programs store exactly."""


CONDITIONAL = "of a condition"
"""Stands for the code of a number format that depends on a condition."""


class Number(NamedTuple):
    """A number in a cell with a number format.

    `shown` is the text that stands in the sheet, where that text is the same in every country;
    `is_plain` tells whether a person sees this number and nothing else.
    """

    value: int | float
    shown: str | None
    is_plain: bool
    format_code: str

    def __str__(self) -> str:
        return str(self.value) if self.shown is None else self.shown


class Unusable:
    """A cell that holds neither a text nor a number."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __str__(self) -> str:
        return self.description


DATE = Unusable("a date")
ERROR = Unusable("an error value")
BOOLEANS = (Unusable("FALSE"), Unusable("TRUE"))
RESHAPED = Unusable("a text that its number format changes")
FORMULA_WITHOUT_VALUE = Unusable("a formula without a stored value")
FORMULA_WITH_ZERO = Unusable("a formula whose stored value is 0")
"""Programs that do not calculate store 0 as the result of every formula."""
UNCALCULATED = (FORMULA_WITHOUT_VALUE, FORMULA_WITH_ZERO)


class MergedCells(NamedTuple):
    """An area whose first cell is shown over all others; rows count from 1, columns from 0."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int


Cell: TypeAlias = str | int | float | Number | Unusable
Row: TypeAlias = dict[int, Cell]
"""The cells of a row that hold something, by column, counted from 0."""
BEYOND = -2
"""The index of a cell of csv that is in no column of the header."""


def number_from_float(value: float) -> int | float:
    """Returns a whole number as an int."""
    return int(value) if value.is_integer() and abs(value) < 10**EXACT_DIGITS else value


def add_cell(row: Row, column: int, cell: Any) -> bool:
    """Puts a cell into a row; returns False when the row already has one there."""
    if column in row:
        return False
    row[column] = cell
    return True
