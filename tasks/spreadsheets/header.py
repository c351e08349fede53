"""The header of a spreadsheet: the columns that an import needs, and their indexes."""

import re
import unicodedata

from tasks.spreadsheets.cells import Row
from tasks.spreadsheets.rejection import (
    SpreadsheetCode,
    SpreadsheetRejected,
    format_column,
    format_rejection,
)
from text import MAXIMUM_LENGTH, quote, trim

COLUMNS = SKU, QUANTITY, ERP_CODE = ("product__sku", "quantity", "division__erp_code")
SHOWN_COLUMNS = 20
_INVISIBLE_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_DOT_ABOVE = re.compile("\u0307")


def normalize_header(cell: str) -> str:
    """Returns a column's name without spaces, invisible characters and differences of case.

    Turkish programs write the capital of i with a dot, and the small letter of I without one.
    A longer text is no name, and has none.
    """
    name = trim(cell)
    # To sort the marks above a letter takes the square of their number.
    if len(name) > MAXIMUM_LENGTH:
        return ""
    letters = unicodedata.normalize("NFKC", name).casefold().replace("\u0131", "i")
    visible = (
        letter
        for letter in letters
        if unicodedata.category(letter) not in _INVISIBLE_CATEGORIES
    )
    return _DOT_ABOVE.sub("", "".join(visible))


NOWHERE = -1
"""The index of a column that is missing and may be."""


def find_columns(
    number: int, header: Row, *, is_division_optional: bool = False
) -> list[int]:
    """Returns the index of each of COLUMNS, NOWHERE for the division if it may be missing.

    Raises SpreadsheetRejected when one is missing or occurs twice.
    """
    positions: dict[str, list[int]] = {name: [] for name in COLUMNS}
    for position, cell in sorted(header.items()):
        positions.get(normalize_header(str(cell)), []).append(position)
    if is_division_optional and not positions[ERP_CODE]:
        positions[ERP_CODE] = [NOWHERE]
    if missing := [name for name in COLUMNS if not positions[name]]:
        raise SpreadsheetRejected(
            SpreadsheetCode.MISSING_COLUMN, _describe_missing(missing, number, header)
        )
    for name, columns in positions.items():
        if len(columns) > 1:
            letters = " and ".join(map(format_column, columns[:SHOWN_COLUMNS]))
            raise format_rejection(
                f"The column {name} occurs {len(columns)} times in row {number}: in {letters}. "
                "Name one of them differently."
            )
    return [positions[name][0] for name in COLUMNS]


def _describe_missing(missing: list[str], number: int, header: Row) -> str:
    names = (
        " and ".join((", ".join(missing[:-1]), missing[-1])) if missing[1:] else missing[0]
    )
    subject = (
        f"The columns {names} are missing"
        if missing[1:]
        else f"The column {names} is missing"
    )
    remedy = f"Write {names} into the first filled row."
    if not header:
        return f"{subject}; the file has no filled row. {remedy}"
    cells = [quote(str(cell)) for _, cell in sorted(header.items())][:SHOWN_COLUMNS]
    return (
        f"{subject}; the first filled row, row {number}, has: {', '.join(cells)}. {remedy}"
    )
