"""Writing spreadsheets: xls through pyexcel, csv and xlsx with the libraries beneath."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import BinaryIO, TypeAlias

import pyexcel
import xlsxwriter

from tasks.spreadsheets.formula_text import escape_formulas, needs_no_escape

Cell: TypeAlias = str | int | Decimal
Rows: TypeAlias = Iterable[Sequence[Cell]]

MAXIMUM_CELL_LENGTH = 32_767
"""The longest text, in characters, that a cell of xls or xlsx can hold."""


def write_spreadsheet(
    target: BinaryIO, format: str, headers: Sequence[str], rows: Rows
) -> None:
    """Writes a header and rows as csv, xls or xlsx."""
    _WRITERS[format](target, headers, rows)


class _QuotingLines:
    """Receives lines of the csv module and ends them as csv.

    The module quotes each cell that has a character of the line's ending, so a semicolon in the
    ending makes it quote semicolons.
    """

    LINE_END = ";\r\n"

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, line: str) -> None:
        """Writes a line with its ending replaced."""
        self._text.write(line.removesuffix(self.LINE_END) + "\r\n")


def _write_csv(target: BinaryIO, headers: Sequence[str], rows: Rows) -> None:
    # The byte order mark tells Excel that the text is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
    # Not through pyexcel, which uses the same module and takes four times as long.
    writer = csv.writer(_QuotingLines(text), lineterminator=_QuotingLines.LINE_END)
    writer.writerow(headers)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    text.flush()
    # The wrapper would otherwise close the target with itself, and the store still needs it.
    text.detach()


def _csv_cell(cell: Cell) -> Cell:
    return (
        escape_formulas(cell) if type(cell) is str and not needs_no_escape(cell) else cell
    )


def _write_xls(target: BinaryIO, headers: Sequence[str], rows: Rows) -> None:
    # Texts are written as text cells, so none is ever a formula.
    cut = (
        [cell[:MAXIMUM_CELL_LENGTH] if isinstance(cell, str) else cell for cell in row]
        for row in rows
    )
    pyexcel.isave_as(
        array=_prepend_headers(headers, cut), dest_file_type="xls", dest_file_stream=target
    )


def _write_xlsx(target: BinaryIO, headers: Sequence[str], rows: Rows) -> None:
    # Not through pyexcel: its writer makes a formula of every text that begins with "=".
    # With constant memory each row is written to the file as it comes.
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "in_memory": False})
    sheet = book.add_worksheet()
    money = book.add_format({"num_format": "0.00"})
    for index, row in enumerate(_prepend_headers(headers, rows)):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(index, column, cell[:MAXIMUM_CELL_LENGTH])
            elif isinstance(cell, Decimal):
                sheet.write_number(index, column, float(cell), money)
            else:
                sheet.write_number(index, column, cell)
    book.close()


def _prepend_headers(headers: Sequence[str], rows: Rows) -> Iterator[Sequence[Cell]]:
    yield headers
    yield from rows


_WRITERS = {"csv": _write_csv, "xls": _write_xls, "xlsx": _write_xlsx}
