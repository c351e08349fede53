"""The sheet of an xlsx file, read row by row as a stream."""

import re
from collections.abc import Iterable, Iterator, Sequence

from tasks.spreadsheets.areas import AreaIndex
from tasks.spreadsheets.cells import (
    BOOLEANS,
    CONDITIONAL,
    DATE,
    ERROR,
    FORMULA_WITH_ZERO,
    FORMULA_WITHOUT_VALUE,
    RESHAPED,
    Cell,
    MergedCells,
    Number,
    Row,
    number_from_float,
)
from tasks.spreadsheets.number_format import NumberFormat
from tasks.spreadsheets.rejection import check_cell_length, damage_rejection, format_column
from tasks.spreadsheets.xlsx_parts import TextCollector, find_shared_text, unescape
from tasks.spreadsheets.xml_reading import (
    Attributes,
    LocalNames,
    XmlReader,
    whole_number_from_xml,
)

MAXIMUM_ROW, MAXIMUM_COLUMN = 1_048_576, 16_384
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_AREA = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_INTEGER_LENGTH = 15


class FormatsByIndex(dict[str, NumberFormat | None]):
    """Number formats by their index as cells name it; None for General and where there is none."""

    def __init__(self, formats: list[NumberFormat | None]) -> None:
        super().__init__({str(index): format for index, format in enumerate(formats)})
        # Cells that name none have the first; a file without formats has none for any of them.
        self.setdefault("0", None)
        self._formats = formats

    def __missing__(self, text: str) -> NumberFormat | None:
        index = whole_number_from_xml(text)
        if index is None or index >= len(self._formats):
            return None
        return self._formats[index]


class SheetReader:
    """Takes the elements of a sheet and collects rows; `pieces` takes the texts within them."""

    def __init__(
        self,
        texts: list[str],
        formats: list[NumberFormat | None],
        cell_length: int,
        conditional: Sequence[MergedCells] = (),
        conditional_texts: Sequence[MergedCells] = (),
    ) -> None:
        self._texts = texts
        self._formats = FormatsByIndex(formats)
        self._cell_length = cell_length
        self._conditional = AreaIndex(conditional)
        self._conditional_texts = AreaIndex(conditional_texts)
        self._names = LocalNames()
        self._columns: dict[str, int] = {}
        self._collector = TextCollector()
        self.pieces = self._collector.pieces
        self._is_data = False
        self._number, self._number_text = 0, ""
        self._row: Row = {}
        self._column = -1
        self._cell: Attributes = {}
        self._value = ""
        self._has_formula = False
        self.rows: list[tuple[int, Row]] = []
        self.merged: list[MergedCells] = []

    def start(self, name: str, attributes: Attributes) -> None:
        """Takes the beginning of an element."""
        local = self._names[name]
        if local == "c":
            self._cell = attributes
            self._value = ""
            self._has_formula = False
        elif local == "v":
            self.pieces.clear()
        elif local == "row":
            self._start_row(attributes.get("r"))
        elif local == "f":
            self._has_formula = True
        elif local in ("t", "rPh"):
            self._collector.start(local)
        elif local == "is":
            self._collector.take()
        elif local == "sheetData":
            self._is_data = True
        elif local == "mergeCell":
            self.merged += parse_merged_cells(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        """Takes the end of an element."""
        local = self._names[name]
        if local == "v":
            self._value = "".join(self.pieces)
        elif local == "c":
            if self._is_data:
                self._end_cell(self._cell)
        elif local == "row":
            if self._row:
                self.rows.append((self._number, self._row))
        elif local in ("t", "rPh"):
            self._collector.end(local)
        elif local == "sheetData":
            self._is_data = False

    def _start_row(self, number: str | None) -> None:
        self._row = {}
        self._column = -1
        self._number_text = ""
        if number is None:
            self._number += 1
        else:
            self._number_row(number)

    def _number_row(self, number: str) -> None:
        self._number = _parse_row_number(number)
        self._number_text = str(self._number)

    def _end_cell(self, attributes: Attributes) -> None:
        self._place(attributes.get("r"))
        cell = self._show_cell(
            attributes.get("t", "n"), self._formats[attributes.get("s", "0")]
        )
        if cell is None or cell == "":
            return
        if isinstance(cell, str) and len(cell) > self._cell_length:
            check_cell_length(cell, self._cell_length, self._number, self._column)
        if self._column in self._row:
            name = f"{format_column(self._column)}{self._number}"
            raise damage_rejection(f"the cell {name} stands in it twice")
        self._row[self._column] = cell

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self._column += 1
            return
        # Nearly all cells are in a known column, whose look-up is faster than the pattern.
        letters = reference.removesuffix(self._number_text)
        column = self._columns.get(letters)
        if column is None or not self._number_text:
            column = self._check_column(reference)
        self._column = column

    def _check_column(self, reference: str) -> int:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise damage_rejection(
                f"row {self._number} has a cell called {reference[:20]!r}"
            )
        letters, number = match.groups()
        # A row without a number takes the one of its first cell.
        if not self._number_text and not self._row:
            self._number_row(number)
        column = parse_column(letters)
        if int(number) != self._number or column >= MAXIMUM_COLUMN:
            raise damage_rejection(f"the cell {reference} stands in row {self._number}")
        self._columns[letters] = column
        return column

    def _show_cell(self, cell_type: str, format: NumberFormat | None) -> Cell | None:
        value = self._value
        if cell_type == "s" and value:
            return self._show_text(find_shared_text(self._texts, value), format)
        if cell_type == "n" and value:
            return self._show_number(value, format)
        if cell_type == "inlineStr":
            return self._show_text(self._collector.take() or unescape(value), format)
        if cell_type == "str" and value:
            return self._show_text(unescape(value), format)
        return self._other_cell(cell_type)

    def _show_number(self, text: str, format: NumberFormat | None) -> Cell:
        number = number_from_text(text)
        if number is None:
            return ERROR
        if self._has_formula and not number:
            return FORMULA_WITH_ZERO
        if self._is_within(self._conditional):
            return Number(number, None, False, CONDITIONAL)
        return number if format is None else format.show_number(number)

    def _show_text(self, text: str, format: NumberFormat | None) -> Cell:
        shown = text if format is None else format.show_text(text)
        # Without conditions, as in nearly all sheets, this is over at once.
        if self._conditional and text:
            is_reshaped = shown != text and self._is_within(self._conditional)
            if is_reshaped or self._is_within(self._conditional_texts):
                return RESHAPED
        return shown

    def _is_within(self, areas: AreaIndex) -> bool:
        """Whether the present cell is in one of these areas."""
        return bool(areas) and areas.contains(self._number, self._column)

    def _other_cell(self, cell_type: str) -> Cell | None:
        if not self._value:
            is_formula = self._has_formula and cell_type != "str"
            return FORMULA_WITHOUT_VALUE if is_formula else None
        if cell_type == "b":
            return BOOLEANS[self._value.strip() in ("1", "true")]
        return DATE if cell_type == "d" else ERROR


def parse_column(letters: str) -> int:
    """Returns the position of a column, counted from 0: 0 for A, 26 for AA."""
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - ord("A") + 1
    return position - 1


def parse_merged_cells(reference: str) -> Iterator[MergedCells]:
    """Yields the area that a reference as A1:B2 names; none for anything else."""
    if match := _AREA.fullmatch(reference):
        first_column, first_row, last_column, last_row = match.groups()
        columns = parse_column(first_column), parse_column(last_column)
        yield MergedCells(int(first_row), int(last_row), *columns)


def number_from_text(text: str) -> int | float | None:
    """Returns a number as XML writes it; None for anything else."""
    if len(text) <= _INTEGER_LENGTH and text.isascii() and text.isdigit():
        return int(text)
    stripped = text.strip()
    return number_from_float(float(stripped)) if _NUMBER.fullmatch(stripped) else None


def _parse_row_number(text: str) -> int:
    if (
        text.isascii()
        and text.isdigit()
        and len(text) < 8
        and 1 <= int(text) <= MAXIMUM_ROW
    ):
        return int(text)
    raise damage_rejection(f"it has a row numbered {text[:20]!r}")


def read_sheet_rows(
    pieces: Iterable[bytes], part: str, sheet: SheetReader
) -> Iterator[tuple[int, Row]]:
    """Yields the numbered rows that hold something, as they stand in the part."""
    for _ in XmlReader(sheet.start, sheet.end, sheet.pieces.append).read(pieces, part):
        yield from sheet.rows
        sheet.rows.clear()
