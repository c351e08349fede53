"""Reading ods: the cells of the first visible sheet as they are shown, as a stream."""

import re
from collections.abc import Iterator

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.cells import (
    BOOLEANS,
    DATE,
    ERROR,
    FORMULA_WITHOUT_VALUE,
    Cell,
    Number,
    Row,
)
from tasks.spreadsheets.ods_text import ShownText
from tasks.spreadsheets.rejection import (
    ENCRYPTED,
    NO_VISIBLE_SHEET,
    check_cell_length,
    damage_rejection,
    format_rejection,
)
from tasks.spreadsheets.xlsx_sheet import MAXIMUM_COLUMN, MAXIMUM_ROW, number_from_text
from tasks.spreadsheets.xml_reading import (
    Attributes,
    LocalNames,
    XmlReader,
    attributes_by_local_name,
)

CONTENT, MANIFEST = "content.xml", "META-INF/manifest.xml"
_CELLS = ("table-cell", "covered-table-cell")
_GROUPING = ".,' \u00a0\u202f\u2019"
MAXIMUM_DIGITS = 309
"""The digits of the largest number of a cell; Python converts no more than some thousands."""
_WHOLE = re.compile(rf"\+?([0-9]+|[0-9]{{1,3}}(?:[{_GROUPING}][0-9]{{3}})+)")
_DECIMALS = re.compile(r"[.,]0+")
_NO_DIGITS = re.compile(r"[^0-9]")


def read_ods_rows(archive: Archive, *, cell_length: int) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows of the first visible sheet that hold something."""
    if MANIFEST in archive and b"encryption-data" in b"".join(archive.pieces(MANIFEST)):
        raise format_rejection(ENCRYPTED)
    sheet = OdsReader(cell_length)
    reader = XmlReader(sheet.start, sheet.end, sheet.text)
    for _ in reader.read(archive.pieces(CONTENT), CONTENT):
        for number, row, count in sheet.rows:
            yield from ((number + index, row) for index in range(count))
        sheet.rows.clear()
        if sheet.is_finished:
            return
    raise format_rejection(NO_VISIBLE_SHEET)


class OdsReader:
    """Takes the elements of the content and collects rows, each with its repetitions."""

    def __init__(self, cell_length: int) -> None:
        self._cell_length = cell_length
        self._names = LocalNames()
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._tables = 0
        self._is_read = False
        self._number = 0
        self._row: Row = {}
        self._row_count = 1
        self._column = 0
        self._cell: Attributes | None = None
        self._text = ShownText()
        self.rows: list[tuple[int, Row, int]] = []
        self.is_finished = False

    def start(self, name: str, attributes: Attributes) -> None:
        """Takes the beginning of an element."""
        local = self._names[name]
        if self._cell is not None:
            self._text.start(local, attributes)
        elif local == "table":
            self._start_table(attributes_by_local_name(attributes))
        elif self._is_read and self._tables == 1:
            self._start_within(local, attributes)
        else:
            self._start_style(local, attributes)

    def _start_style(self, local: str, attributes: Attributes) -> None:
        if local == "style":
            self._style = attributes_by_local_name(attributes).get("name", "")
        elif local == "table-properties":
            if attributes_by_local_name(attributes).get("display") == "false":
                self._hidden_styles.add(self._style)

    def _start_table(self, attributes: Attributes) -> None:
        # Tables may be nested in cells; only an outermost one is a sheet.
        self._tables += 1
        is_visible = attributes.get("style-name") not in self._hidden_styles
        if self._tables == 1 and is_visible and not self.is_finished:
            self._is_read = True

    def _start_within(self, local: str, attributes: Attributes) -> None:
        if local == "table-row":
            self._row, self._column = {}, 0
            attributes = attributes_by_local_name(attributes)
            self._row_count = _parse_repetition(
                attributes, "number-rows-repeated", MAXIMUM_ROW
            )
        elif local in _CELLS:
            self._cell = attributes
            self._cell_name = local

    def text(self, text: str) -> None:
        """Takes a piece of text."""
        if self._cell is not None:
            self._text.text(text)

    def end(self, name: str) -> None:
        """Takes the end of an element."""
        local = self._names[name]
        if self._cell is not None:
            if local in _CELLS and not self._text.depth:
                self._end_cell(self._cell)
            else:
                self._text.end()
        elif local == "table":
            self._end_table()
        elif local == "table-row" and self._is_read and self._tables == 1:
            self._end_row()

    def _end_table(self) -> None:
        self._tables -= 1
        if self._tables == 0 and self._is_read:
            self._is_read = False
            self.is_finished = True

    def _end_row(self) -> None:
        if self._row:
            self.rows.append((self._number + 1, self._row, self._row_count))
        self._number += self._row_count
        if self._number > MAXIMUM_ROW:
            raise damage_rejection(f"it has more than {MAXIMUM_ROW} rows")

    def _end_cell(self, attributes: Attributes) -> None:
        self._cell = None
        attributes = _normalize_attributes(attributes)
        count = _parse_repetition(attributes, "number-columns-repeated", MAXIMUM_COLUMN)
        shown = self._text.take()
        # Covered cells lie below a merged one, and are not shown.
        cell = (
            None
            if self._cell_name == "covered-table-cell"
            else cell_from_attributes(attributes, shown)
        )
        if cell is not None and cell != "":
            self._fill(cell, count)
        self._column += count

    def _fill(self, cell: Cell, count: int) -> None:
        number = self._number + 1
        if isinstance(cell, str):
            check_cell_length(cell, self._cell_length, number, self._column)
        # A small file can repeat cells billions of times; no sheet has more columns than this.
        end = min(self._column + count, MAXIMUM_COLUMN)
        self._row |= dict.fromkeys(range(self._column, end), cell)


def _parse_repetition(attributes: Attributes, name: str, maximum: int) -> int:
    text = attributes.get(name, "1")
    if text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= maximum:
        return int(text)
    raise damage_rejection(f"a row or a cell of it is repeated {text[:20]!r} times")


def _normalize_attributes(attributes: Attributes) -> Attributes:
    """Returns a cell's attributes; an error is a text to OpenDocument, and says so besides."""
    types = [value for name, value in attributes.items() if name.endswith("value-type")]
    local = attributes_by_local_name(attributes)
    return local | {"value-type": "error"} if "error" in types else local


def cell_from_attributes(attributes: Attributes, shown: str | None) -> Cell | None:
    """Returns the cell that a sheet shows, from its value_type, its value and its text."""
    value_type = attributes.get("value-type", "")
    if value_type in ("float", "percentage", "currency"):
        return _number(attributes.get("value", ""), shown)
    if value_type in _UNUSABLE:
        return _UNUSABLE[value_type]
    if value_type == "boolean":
        return BOOLEANS[attributes.get("boolean-value") == "true"]
    if shown is None:
        shown = attributes.get("string-value")
    return FORMULA_WITHOUT_VALUE if shown is None and "formula" in attributes else shown


_UNUSABLE = {"error": ERROR, "date": DATE, "time": DATE}


def _number(text: str, shown: str | None) -> Cell:
    value = number_from_text(text)
    if value is None:
        return ERROR
    return Number(value, shown, shown is None or _is_shown_as(shown, value), "")


def _is_shown_as(shown: str, value: int | float) -> bool:
    """Tells whether a shown text is a number's digits, grouped or with decimals that are zero."""
    text = shown.strip()
    if _is_whole(text, value):
        return True
    decimals = max(text.rfind("."), text.rfind(","))
    is_zero = decimals > 0 and _DECIMALS.fullmatch(text[decimals:]) is not None
    return is_zero and _is_whole(text[:decimals], value)


def _is_whole(text: str, value: int | float) -> bool:
    match = _WHOLE.fullmatch(text)
    digits = _NO_DIGITS.sub("", match[1]) if match else ""
    return 0 < len(digits) <= MAXIMUM_DIGITS and int(digits) == value
