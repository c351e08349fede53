"""Reading csv: the encoding and the delimiter are found out, every cell stays the text that it is."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.spreadsheets.rows import COLUMNS, Refused

DELIMITERS = (",", ";", "\t")
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def rows_of_csv(content: bytes, *, cell_length: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yields the numbered rows; raises Refused."""
    text = _decoded(content)
    csv.field_size_limit(cell_length)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        # A cell may hold line breaks, so rows are counted and not lines.
        yield from enumerate(reader, start=1)
    except csv.Error as error:
        if "field larger" in str(error):
            message = f"Line {reader.line_num} has a cell of more than {cell_length} characters."
            raise Refused("FILE_TOO_LARGE", message) from None
        raise Refused("FILE_UNREADABLE", f"Line {reader.line_num} is not csv: {error}.") from None


def _decoded(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return _strictly(content, encoding)
    if content[1:2] == b"\x00":
        return _strictly(content, "utf-16-le")
    if content[:1] == b"\x00":
        return _strictly(content, "utf-16-be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(content, "windows-1254")


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeError:
        raise Refused("FILE_UNREADABLE", "The file is neither a spreadsheet nor text in a known encoding.") from None


def _delimiter(text: str) -> str:
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0].casefold()

    def score(delimiter: str) -> tuple[int, int]:
        names = {part.strip().strip('"').strip() for part in first.split(delimiter)}
        return len(names.intersection(COLUMNS)), first.count(delimiter)

    return max(DELIMITERS, key=score)
