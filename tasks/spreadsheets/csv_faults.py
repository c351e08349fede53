"""The reason why a record of a csv file cannot be read: row, line, column, and the remedy."""

import io
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple

from tasks.spreadsheets.rejection import (
    SpreadsheetRejected,
    format_column,
    format_rejection,
    size_rejection,
)

QUOTE = '"'


class LinePosition(NamedTuple):
    """A position in a csv file: the line, and the index of the cell in its row."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {format_column(self.column)}"


class _State(Enum):
    START = auto()
    PLAIN = auto()
    QUOTED = auto()
    CLOSED = auto()


class RecordScan:
    """Follows the quotation marks of one record until it ends, or cannot be read on."""

    def __init__(self, delimiter: str, cell_length: int, first_line: int) -> None:
        self._delimiter = delimiter
        self._cell_length = cell_length
        self._state = _State.START
        self._length = 0
        self.opened = self.position = LinePosition(first_line, 0)
        self.text_follows = False
        self.is_open = False

    def scan(self, lines: "io.StringIO | islice[str]") -> None:
        """Reads lines until the record ends or a fault is found."""
        for line in lines:
            if not all(map(self._take, line)):
                break
            if self._state is not _State.QUOTED:
                break
            self.position = self.position._replace(line=self.position.line + 1)
        self.is_open = self._state is _State.QUOTED

    def _take(self, character: str) -> bool:
        """Takes a character; returns False where the record cannot be read on."""
        self._length += 1
        if self._length > self._cell_length:
            return False
        if self._state is _State.QUOTED:
            self._state = _State.CLOSED if character == QUOTE else _State.QUOTED
            return True
        if self._state is _State.CLOSED:
            return self._take_after_quote(character)
        if character == self._delimiter:
            self._next_cell()
        elif character == QUOTE and self._state is _State.START:
            self.opened = self.position
            self._state = _State.QUOTED
        else:
            self._state = _State.PLAIN
        return True

    def _take_after_quote(self, character: str) -> bool:
        if character == QUOTE:
            self._state = _State.QUOTED
        elif character == self._delimiter:
            self._next_cell()
        elif character not in "\r\n":
            self.text_follows = True
        return not self.text_follows

    def _next_cell(self) -> None:
        self.position = self.position._replace(column=self.position.column + 1)
        self._state = _State.START
        self._length = 0


class Record(NamedTuple):
    """A record that could not be read: its row, the lines before it, and those not in the text."""

    row: int
    lines_before: int
    lines_skipped: int


def rejection_from_record(
    text: str, delimiter: str, record: Record, cell_length: int
) -> SpreadsheetRejected:
    """Returns the rejection for a record, naming its row, and line and column of the fault."""
    first = record.lines_before + record.lines_skipped + 1
    scan = RecordScan(delimiter, cell_length, first)
    scan.scan(islice(io.StringIO(text, newline=""), record.lines_before, None))
    where = f"Row {record.row} of the file cannot be read:"
    if scan.is_open:
        message = f"the quotation mark opened in {scan.opened} is never closed."
        remedy = "Close it, or write it twice within a quoted text."
        return format_rejection(f"{where} {message} {remedy}")
    if scan.text_follows:
        marks = f"behind the quotation mark that closes the one opened in {scan.opened}"
        remedy = "Write quotation marks within a quoted text twice."
        return format_rejection(
            f"{where} in {scan.position}, text follows {marks}. {remedy}"
        )
    limit = f"at most {cell_length} are allowed"
    return size_rejection(
        f"{where} the cell in {scan.position} has more than {cell_length} characters; {limit}. "
        "Shorten it."
    )
