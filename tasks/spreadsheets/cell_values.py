"""Quantities and texts from cells, or the reason why a cell holds neither."""

import re

from tasks.spreadsheets.cells import (
    GENERAL_DIGITS,
    UNCALCULATED,
    Cell,
    Number,
    Unusable,
)
from tasks.spreadsheets.formula_text import unescape_formulas
from tasks.spreadsheets.rejection import CellRejected, SpreadsheetCode
from text import find_flaw, is_blank, quote, trim

MAXIMUM_QUANTITY = 1_000_000
SHOWN_CHARACTERS = 100
"""The highest number of characters of a rejected value that a report shows."""
AS_TEXT = "format the column as text and enter it again"

# Digits of other scripts are digits to Python too; only these ten count here.
_QUANTITY = re.compile(r"\+?0*([0-9]{1,12})(?:[.,]0{1,2})?", re.ASCII)
_TEXT_FORMULA = re.compile(r'\s*="([^"]*)"\s*')
_AMBIGUOUS = re.compile(r"\+?[0-9]+[.,][0-9]{3}", re.ASCII)
_MARK = r"[.,'\u2019\u066c \u00a0\u2009\u202f]"
_GROUPED = re.compile(
    rf"\+?[0-9]{{1,3}}(?:{_MARK}[0-9]{{2,3}})*{_MARK}[0-9]{{3}}(?:[.,][0-9]+)?", re.ASCII
)


def quantity_rejection(message: str) -> CellRejected:
    """Returns the rejection of a cell that holds no quantity."""
    return CellRejected(SpreadsheetCode.INVALID_QUANTITY, message)


def text_rejection(message: str) -> CellRejected:
    """Returns the rejection of a cell that holds no usable text."""
    return CellRejected(SpreadsheetCode.INVALID_INPUT, message)


def format_cell(cell: Cell | None) -> str | None:
    """Returns a rejected value for the report: truncated, invisible characters escaped."""
    return None if cell is None else quote(str(cell)[:SHOWN_CHARACTERS])[1:-1]


def is_empty(cell: Cell | None) -> bool:
    """Tells whether a cell holds nothing, or a text that shows nothing."""
    return cell is None or (isinstance(cell, str) and is_blank(cell))


def parse_quantity(cell: Cell | None) -> int:
    """Returns a whole number from 1 to 1,000,000; raises CellRejected for anything else."""
    if cell is None or is_empty(cell):
        raise quantity_rejection("The quantity is missing.")
    quantity = _parse_whole_number(cell)
    if quantity is None or not 1 <= quantity <= MAXIMUM_QUANTITY:
        raise quantity_rejection(_explain_quantity(cell))
    return quantity


def _parse_whole_number(cell: Cell) -> int | None:
    if isinstance(cell, Number):
        return _parse_whole_number(cell.value) if cell.is_plain else None
    if isinstance(cell, str):
        match = _QUANTITY.fullmatch(trim(cell))
        return int(match[1]) if match else None
    return cell if isinstance(cell, int) else None


def _explain_quantity(cell: Cell) -> str:
    value = quote(str(cell))
    if cell in UNCALCULATED:
        return f"The quantity is {_describe_unstored(cell)}."
    if isinstance(cell, str) and _AMBIGUOUS.fullmatch(trim(cell)):
        readings = "a decimal number in one country and thousands in another"
        return (
            f"Quantity {value} is ambiguous: it is {readings}; write it with digits only."
        )
    if isinstance(cell, str) and _GROUPED.fullmatch(trim(cell)):
        return f"Quantity {value} is grouped; write it with digits only."
    if isinstance(cell, Number) and not cell.is_plain:
        return (
            f"Quantity {cell.value} is shown as another text{_describe_format(cell)}; "
            "format it as a whole number."
        )
    return f"Quantity {value} is not a whole number between 1 and {MAXIMUM_QUANTITY}."


def _describe_unstored(cell: Cell) -> str:
    return f"{cell}; open the file in a spreadsheet program and save it again"


def _describe_format(cell: Number) -> str:
    return f" by the number format {quote(cell.format_code)}" if cell.format_code else ""


def parse_text(cell: Cell | None, name: str) -> str:
    """Returns a text, as it is or without outer spaces; raises CellRejected for neither.

    Outer spaces may belong to a SKU, so the look-up tries both.
    """
    if cell is None or is_empty(cell):
        raise text_rejection(f"The {name} is missing.")
    if type(cell) is str and find_flaw(cell) is None:
        return cell
    text = trim(cell if isinstance(cell, str) else _text_from_other(cell, name))
    if flaw := find_flaw(text):
        raise text_rejection(f"The {name} {flaw}.")
    return text


def _text_from_other(cell: int | float | Number | Unusable, name: str) -> str:
    if isinstance(cell, Unusable):
        is_formula = cell in UNCALCULATED
        remedy = _describe_unstored(cell) if is_formula else f"{cell}; {AS_TEXT}"
        raise text_rejection(f"The {name} is not a text but {remedy}.")
    if isinstance(cell, Number):
        return _text_from_number(cell, name)
    if isinstance(cell, float):
        reason = "which is written differently from country to country"
        raise text_rejection(f"The {name} {cell} is a number, {reason}; {AS_TEXT}.")
    if len(str(abs(cell))) > GENERAL_DIGITS:
        reason = "which spreadsheet programs show shortened"
        digits = f"a number of more than {GENERAL_DIGITS} digits"
        raise text_rejection(f"The {name} {cell} is {digits}, {reason}; {AS_TEXT}.")
    return str(cell)


def _text_from_number(cell: Number, name: str) -> str:
    if cell.shown is None or is_blank(cell.shown):
        reason = f"the sheet shows as another text{_describe_format(cell)}"
        raise text_rejection(
            f"The {name} {cell.value} is a number that {reason}; {AS_TEXT}."
        )
    return cell.shown


def parse_escaped_text(cell: Cell | None, name: str) -> str:
    """Returns a text of csv as `parse_text`, without the apostrophes that disarm formulas.

    Of `="00123"`, by which people keep leading zeros in csv, it returns the text that is shown.
    """
    text = parse_text(cell, name)
    if formula := _TEXT_FORMULA.fullmatch(text):
        return parse_text(formula[1], name)
    return unescape_formulas(text)
