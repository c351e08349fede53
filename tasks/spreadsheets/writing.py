"""Writing spreadsheets: xls through pyexcel, csv and xlsx with the libraries beneath."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import BinaryIO, TypeAlias

import pyexcel
import xlsxwriter

from tasks.spreadsheets.formula_text import harmless_text, is_harmless

Cell: TypeAlias = str | int | Decimal
Progress: TypeAlias = Callable[[int], None]

MAXIMUM_ROWS = {"xls": 65_535, "xlsx": 1_048_575}
"""The highest number of rows below the header that a format can hold; csv holds any."""
MAXIMUM_CELL_LENGTH = 32_767
"""The longest text, in characters, that a cell of xls or xlsx can hold."""
PROGRESS_ROWS = 1_000
"""After how many rows progress is told."""


class TooManyRows(Exception):
    """Raised before writing when a format cannot hold that many rows; the message names both numbers."""


def write_spreadsheet(
    target: BinaryIO,
    kind: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    total: int,
    progress: Progress | None = None,
) -> int:
    """Writes a header and rows as csv, xls or xlsx and returns the number of rows; raises TooManyRows."""
    limit = MAXIMUM_ROWS.get(kind)
    if limit is not None and total > limit:
        raise TooManyRows(f"The file would have {total} rows; {kind} can hold {limit}.")
    counted = Counted(rows, progress)
    _WRITERS[kind](target, headers, counted)
    return counted.count


class Counted:
    """Rows that are counted as they are taken."""

    def __init__(self, rows: Iterable[Sequence[Cell]], progress: Progress | None) -> None:
        self._rows = rows
        self._progress = progress
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        for row in self._rows:
            yield row
            self.count += 1
            if self._progress and self.count % PROGRESS_ROWS == 0:
                self._progress(self.count)


class _QuotingLines:
    """Takes lines of the csv module, whose ending makes it quote semicolons, and ends them as csv."""

    LINE_END = ";\r\n"

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, line: str) -> None:
        """Writes a line; the module quotes every cell with a character of its line's ending."""
        self._text.write(line.removesuffix(self.LINE_END) + "\r\n")


def _write_csv(
    target: BinaryIO, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    # The byte order mark tells Excel that the text is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
    # Not through pyexcel, which takes four times as long for what is the same module beneath.
    writer = csv.writer(_QuotingLines(text), lineterminator=_QuotingLines.LINE_END)
    writer.writerow(headers)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    text.flush()
    text.detach()


def _csv_cell(cell: Cell) -> Cell:
    return harmless_text(cell) if type(cell) is str and not is_harmless(cell) else cell


def _write_xls(
    target: BinaryIO, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    # A text is written as a text cell here, whatever it begins with, so it is never a formula.
    cut = (
        [cell[:MAXIMUM_CELL_LENGTH] if isinstance(cell, str) else cell for cell in row]
        for row in rows
    )
    pyexcel.isave_as(
        array=_with_headers(headers, cut), dest_file_type="xls", dest_file_stream=target
    )


def _write_xlsx(
    target: BinaryIO, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> None:
    # Not through pyexcel: its writer makes a formula of every text that begins with "=".
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "in_memory": False})
    sheet = book.add_worksheet()
    money = book.add_format({"num_format": "0.00"})
    for place, row in enumerate(_with_headers(headers, rows)):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(place, column, cell[:MAXIMUM_CELL_LENGTH])
            elif isinstance(cell, Decimal):
                sheet.write_number(place, column, float(cell), money)
            else:
                sheet.write_number(place, column, cell)
    book.close()


def _with_headers(
    headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Iterator[Sequence[Cell]]:
    yield headers
    yield from rows


_WRITERS = {"csv": _write_csv, "xls": _write_xls, "xlsx": _write_xlsx}
