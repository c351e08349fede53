"""Rows that people paste from mails, spreadsheets and other shops, with or without a header.

A row is a SKU, a quantity and perhaps a division. It is read in the one way that it can be read in,
or rejected: nothing is guessed.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from tasks.spreadsheets.cell_values import (
    format_cell,
    is_empty,
    parse_quantity,
    parse_text,
    text_rejection,
)
from tasks.spreadsheets.csv_blanks import strip_quoted_cells
from tasks.spreadsheets.header import COLUMNS, ERP_CODE, QUANTITY, SKU, normalize_header
from tasks.spreadsheets.rejection import (
    CellRejected,
    SpreadsheetCode,
    SpreadsheetRejected,
    size_rejection,
)
from tasks.spreadsheets.rows import BEYOND_HEADER, MAXIMUM_ERRORS
from tasks.spreadsheets.sheet import (
    RowError,
    Spreadsheet,
    SpreadsheetLimits,
    SpreadsheetRows,
)
from text import trim

TAB, SPACE = "\t", " "
DELIMITERS = (TAB, ";", ",")
"""In the order in which they are looked for in a row; without any it is separated by spaces."""
NAMES = {
    SKU: {"product__sku", "sku", "productsku", "product", "article", "item", "code"},
    QUANTITY: {"quantity", "qty", "pieces", "count", "adet", "miktar"},
    ERP_CODE: {"division__erp_code", "division", "erpcode", "divisionerpcode", "store"},
}
"""The names of columns in a header, without spaces and in small letters."""

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_TIMES = r"[xX×*]"
_PIECES = re.compile(rf"{_TIMES}\s*([0-9].*)|(.*[0-9])\s*{_TIMES}")
_NUMBER = re.compile(r"\+?[0-9][0-9.,']*", re.ASCII)
_TIMES_SIGN = re.compile(_TIMES)

_ANY_LENGTH = 2**31 - 1
"""More characters than a request has, and as many as the module takes as a limit everywhere."""
MAXIMUM_PIECES = 50
"""The highest number of characters of a quantity with a sign of multiplication."""

Cells = Mapping[str, str | None]
"""The cells of a row by column."""


def read_pasted_text(
    text: str, *, is_division_optional: bool, limits: SpreadsheetLimits | None = None
) -> Spreadsheet:
    """Reads pasted rows, numbered by their lines; raises SpreadsheetRejected."""
    maximum = (limits or SpreadsheetLimits()).rows
    lines = [
        (number, line)
        for number, line in enumerate(_LINE_ENDS.split(text), start=1)
        if not is_empty(line)
    ]
    if len(lines) > maximum:
        raise size_rejection(
            f"The text has more than {maximum} rows that hold something. Send fewer."
        )
    return _TextReader(is_division_optional).read(lines)


class _TextReader:
    """Reads lines one after the other and collects good rows and rejected cells."""

    def __init__(self, is_division_optional: bool) -> None:
        self._is_division_optional = is_division_optional
        self._rows = SpreadsheetRows()
        self._errors: list[RowError] = []
        self._error_count = 0

    def read(self, lines: Sequence[tuple[int, str]]) -> Spreadsheet:
        header = _find_header(lines[0][1]) if lines else None
        rows = lines[1:] if header else lines
        for number, line in rows:
            self._read_line(number, line, header)
        return Spreadsheet(len(rows), self._rows, self._errors, self._error_count)

    def _read_line(self, number: int, line: str, header: "_Header | None") -> None:
        try:
            cells = header.cells_of(line) if header else _cells_of(line)
        except CellRejected as rejection:
            self._error_count += 1
            self._list_error(number, None, line, rejection)
            return
        values = dict[str, str | int]()
        is_rejected = False
        for name in COLUMNS:
            try:
                values[name] = self._parse(name, cells.get(name))
            except CellRejected as rejection:
                self._list_error(number, name, cells.get(name), rejection)
                is_rejected = True
        self._error_count += is_rejected
        if not is_rejected:
            sku, quantity, erp_code = (values[name] for name in COLUMNS)
            self._rows.append(number, str(sku), int(quantity), str(erp_code))

    def _parse(self, name: str, cell: str | None) -> str | int:
        if name == QUANTITY:
            return parse_quantity(_without_times(cell))
        if name == ERP_CODE and self._is_division_optional and is_empty(cell):
            return ""
        return parse_text(cell, name)

    def _list_error(
        self, row: int, column: str | None, cell: str | None, rejection: CellRejected
    ) -> None:
        if len(self._errors) < MAXIMUM_ERRORS:
            # A row that cannot be split is rejected at its SKU, which stands first.
            error = RowError(
                row, column or SKU, format_cell(cell), rejection.code, rejection.message
            )
            self._errors.append(error)


class _Header:
    """The columns of a pasted header, and the delimiter of its rows."""

    def __init__(self, delimiter: str, positions: Mapping[str, int], width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        self._positions = positions

    def cells_of(self, line: str) -> Cells:
        """Returns the cells of a row; raises CellRejected where it cannot be split."""
        cells = _split(line, self._delimiter)
        if not all(map(is_empty, cells[self._width :])):
            raise text_rejection(BEYOND_HEADER)
        found = {
            name: cells[position] if position < len(cells) else None
            for name, position in self._positions.items()
        }
        _check_sku(line, self._delimiter, found.get(SKU))
        return found


def _find_header(line: str) -> _Header | None:
    """Returns the header in the first line, if it is one.

    Raises SpreadsheetRejected when it lacks the SKU or the quantity, or has a column twice.
    """
    delimiter = _delimiter_of(line)
    try:
        names = [_column_named(cell) for cell in _split(line, delimiter)]
    except CellRejected:
        return None
    known = [name for name in names if name]
    # One such word alone may be a SKU.
    if len(set(known)) < 2 or (delimiter == SPACE and len(known) < len(names)):
        return None
    for name in (SKU, QUANTITY):
        if name not in known:
            raise SpreadsheetRejected(
                SpreadsheetCode.MISSING_COLUMN, f"The column {name} is missing."
            )
    if len(set(known)) < len(known):
        raise SpreadsheetRejected(
            SpreadsheetCode.FILE_UNREADABLE,
            "A column occurs twice in the first row; name one of them differently.",
        )
    return _Header(delimiter, {name: names.index(name) for name in known}, len(names))


def _column_named(cell: str) -> str | None:
    word = normalize_header(cell)
    return next((name for name, words in NAMES.items() if word in words), None)


def _delimiter_of(line: str) -> str:
    return next((each for each in DELIMITERS if each in line), SPACE)


def _split(line: str, delimiter: str) -> list[str]:
    """Splits a row into cells, some of which may be quoted; raises CellRejected."""
    # Between spaces there are no empty cells.
    text = " ".join(line.split()) if delimiter == SPACE and '"' not in line else line
    if delimiter != SPACE:
        text = strip_quoted_cells(text, delimiter)
    # The limit is that of the whole process, and a file that was read in it has set another one.
    csv.field_size_limit(_ANY_LENGTH)
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        raise text_rejection("The quotation marks of the row do not match.") from None
    return [cell for cell in cells if cell] if delimiter == SPACE else cells


def _check_sku(line: str, delimiter: str, sku: str | None) -> None:
    """Raises CellRejected for a SKU with a separator in it, unless tabs or quotes make it plain."""
    text = trim(sku or "")
    if delimiter == TAB or f'"{text}"' in line:
        return
    if any(letter in text for letter in (*DELIMITERS, SPACE)):
        raise text_rejection(
            "The row is ambiguous: its first part has a separator in it; "
            "quote the SKU, or separate the row by tabs."
        )


def _cells_of(line: str) -> Cells:
    """Returns the cells of a row without a header; raises CellRejected for an ambiguous one."""
    delimiter = _delimiter_of(line)
    parts = _split(line, delimiter)
    if delimiter == SPACE:
        return _cells_of_words(parts)
    # An empty last cell is an end of the line, as other shops write it.
    while len(parts) > len(COLUMNS) and not trim(parts[-1]):
        parts.pop()
    if len(parts) > len(COLUMNS):
        raise text_rejection(
            f"The row has {len(parts)} parts; write SKU, quantity and division."
        )
    cells = dict(zip(COLUMNS, parts, strict=False))
    _check_sku(line, delimiter, cells.get(SKU))
    return cells


def _cells_of_words(words: Sequence[str]) -> Cells:
    """Returns the cells of a row that is separated by spaces."""
    readings = list(_readings_of(words))
    if len(readings) > 1:
        raise text_rejection(
            "The row is ambiguous: its quantity may be either number; "
            "separate SKU, quantity and division by tabs."
        )
    if readings:
        return readings[0]
    if len(words) > len(COLUMNS):
        raise text_rejection(
            f"The row has {len(words)} parts; write SKU, quantity and division."
        )
    return dict(zip(COLUMNS, words, strict=False))


def _readings_of(words: Sequence[str]) -> Iterator[Cells]:
    """Yields each way to read words: `SKU01 3`, `SKU01 x3`, `3 x SKU01`, then a division."""
    first, second, third = (*words, "", "", "")[:3]
    if len(words) in (2, 3) and (_NUMBER.fullmatch(second) or _is_pieces(second)):
        yield _cells(first, second, words[2:])
    if len(words) in (2, 3) and _is_pieces(first):
        yield _cells(second, first, words[2:])
    if len(words) in (3, 4) and _TIMES_SIGN.fullmatch(second):
        if _NUMBER.fullmatch(third):
            yield _cells(first, third, words[3:])
        if _NUMBER.fullmatch(first):
            yield _cells(third, first, words[3:])


def _cells(sku: str, quantity: str, division: Sequence[str]) -> Cells:
    return {SKU: sku, QUANTITY: quantity, ERP_CODE: division[0] if division else None}


def _is_pieces(word: str) -> bool:
    number = _without_times(word)
    return number != word and _NUMBER.fullmatch(number or "") is not None


def _without_times(cell: str | None) -> str | None:
    """Returns a quantity without the sign of multiplication before or after it."""
    text = trim(cell or "")
    # A longer text is no quantity, and the pattern takes the square of its length.
    match = _PIECES.fullmatch(text) if len(text) <= MAXIMUM_PIECES else None
    return (match[1] or match[2]) if match else cell
