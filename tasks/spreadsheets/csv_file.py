"""Reading csv: the encoding and the delimiter are found out, every cell stays the text it is."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence

from tasks.spreadsheets.cells import BEYOND, Row
from tasks.spreadsheets.csv_blanks import strip_quoted_cells
from tasks.spreadsheets.csv_faults import Record, rejection_from_record
from tasks.spreadsheets.header import COLUMNS, normalize_header
from tasks.spreadsheets.rejection import format_rejection
from text import is_blank

DELIMITERS = (",", ";", "\t")
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    # Those of UTF-32 begin as those of UTF-16 do, and come first.
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_MARKS = re.compile(r"[,;\t\"']")
_SEPARATOR_LINE = re.compile(
    r'\ufeff?"?sep=([^"\r\n\w])"?[,;\t ]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE
)


def read_csv_rows(
    content: bytes, *, cell_length: int, columns: Collection[str] = COLUMNS
) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows that hold something; raises SpreadsheetRejected.

    The delimiter is the one that finds the most names of columns.
    """
    text = _decode(content)
    # Excel takes a first line `sep=;` as a setting, and does not count it as a row.
    setting = _SEPARATOR_LINE.match(text)
    skipped_lines = 0
    if setting:
        text, skipped_lines = text[setting.end() :], 1
    delimiter = setting[1] if setting else _detect_delimiter(text, columns)
    text = strip_quoted_cells(text, delimiter)
    yield from _rows(text, delimiter, cell_length, skipped_lines)


def _rows(
    text: str, delimiter: str, cell_length: int, skipped_lines: int
) -> Iterator[tuple[int, Row]]:
    # The module takes text behind a closing quotation mark unless it is strict.
    csv.field_size_limit(cell_length)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = lines = width = 0
    try:
        # A cell may hold line breaks, so rows are counted and not lines.
        for number, cells in enumerate(reader, start=1):
            lines = reader.line_num
            row: Row = {index: cell for index, cell in enumerate(cells) if cell}
            if not row:
                continue
            if not width and not all(map(is_blank, cells)):
                # The first row that shows something is the header.
                width = len(cells)
            elif width and len(cells) > width:
                _mark_beyond(row, cells, width)
            yield number, row
    except csv.Error:
        record = Record(number + 1, lines, skipped_lines)
        raise rejection_from_record(text, delimiter, record, cell_length) from None


def _mark_beyond(row: Row, cells: Sequence[str], width: int) -> None:
    """Marks a row with a cell beyond the header: a cell of it may hold the delimiter, unquoted."""
    if text := next((cell for cell in cells[width:] if not is_blank(cell)), None):
        row[BEYOND] = text


def _decode(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return _decode_strictly(content, encoding)
    # Without a mark, the NUL beside the first ASCII letter tells the byte order of UTF-16.
    if content[1:2] == b"\x00":
        return _decode_strictly(content, "utf-16-le")
    if content[:1] == b"\x00":
        return _decode_strictly(content, "utf-16-be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # Excel writes csv in the code page of the system, here the Turkish one.
        return _decode_strictly(content, "windows-1254")


def _decode_strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeError:
        message = (
            "The file is neither a spreadsheet nor text in a known encoding; "
            "save it as csv in UTF-8, or as xlsx."
        )
        raise format_rejection(message) from None


def _detect_delimiter(text: str, columns: Collection[str]) -> str:
    """Returns the delimiter that finds the most names of columns in the first filled line."""
    lines = io.StringIO(text, newline=None)
    first = next((line for line in lines if not is_blank(_MARKS.sub("", line))), "")

    def score(delimiter: str) -> tuple[int, int]:
        names = {normalize_header(part.replace('"', "")) for part in first.split(delimiter)}
        return len(names.intersection(columns)), first.count(delimiter)

    return max(DELIMITERS, key=score)
