"""The order of rows: a file may store them in another order than a sheet shows."""

from collections.abc import Iterable, Iterator

from tasks.spreadsheets.cells import Row
from tasks.spreadsheets.rejection import damage_rejection


class RowsOutOfOrder(Exception):
    """Raised when a row stands behind a later one, so that the whole sheet is to be sorted."""


def check_order(rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """Passes rows on; raises RowsOutOfOrder."""
    last = 0
    for number, row in rows:
        if number <= last:
            raise RowsOutOfOrder
        last = number
        yield number, row


def sort_rows(rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """Yields rows in the order of their numbers; raises SpreadsheetRejected for a double number."""
    last = 0
    for number, row in sorted(rows, key=lambda numbered: numbered[0]):
        if number == last:
            raise damage_rejection(f"row {number} stands in it twice")
        last = number
        yield number, row
