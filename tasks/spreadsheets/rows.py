"""The rows of a spreadsheet: the three columns that an import needs, good or rejected."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from tasks.spreadsheets.areas import AreaIndex, find_covered_areas
from tasks.spreadsheets.cell_values import (
    format_cell,
    is_empty,
    parse_escaped_text,
    parse_quantity,
    parse_text,
    quantity_rejection,
    text_rejection,
)
from tasks.spreadsheets.cells import BEYOND, Cell, MergedCells, Row
from tasks.spreadsheets.header import COLUMNS, ERP_CODE, QUANTITY, SKU, find_columns
from tasks.spreadsheets.rejection import CellRejected
from tasks.spreadsheets.sheet import RowError, Spreadsheet, SpreadsheetRows

MAXIMUM_ERRORS = 1_000
"""The highest number of rejected cells that are listed."""
CACHED_CELLS = 256
"""How many parsed cells are cached: most quantities and divisions occur in many rows."""

BEYOND_HEADER = (
    "The row has more cells than the header; "
    "put cells that hold the delimiter into quotation marks."
)

NumberedRow: TypeAlias = tuple[int, Row]


class RowReader:
    """Reads rows one after the other and collects good rows and rejected cells."""

    def __init__(self, *, is_marked: bool, is_division_optional: bool = False) -> None:
        self._is_division_optional = is_division_optional
        # Typed, since 1 and 1.0 are equal keys, and only the first of them is a usable text.
        cached = lru_cache(CACHED_CELLS, typed=True)
        self._parse_text = cached(parse_escaped_text if is_marked else parse_text)
        self._parse_quantity = cached(parse_quantity)
        self._positions: list[int] = []
        self._rows_read = 0
        self._error_count = 0
        self._rows = SpreadsheetRows()
        self._errors: list[RowError] = []

    def spreadsheet(self) -> Spreadsheet:
        """Returns all that was read."""
        return Spreadsheet(self._rows_read, self._rows, self._errors, self._error_count)

    def read(self, rows: Iterable[NumberedRow]) -> None:
        """Reads rows that hold something, the first as the header; raises SpreadsheetRejected."""
        filled = iter(rows)
        number, header = next(filled, (0, {}))
        self._positions = find_columns(
            number, header, is_division_optional=self._is_division_optional
        )
        sku, quantity, erp_code = self._positions
        for number, row in filled:
            self._rows_read += 1
            if BEYOND in row:
                self._reject_beyond(number, row[BEYOND])
                continue
            self._take(number, row.get(sku), row.get(quantity), row.get(erp_code))

    def _take(
        self, number: int, sku: Cell | None, quantity: Cell | None, erp_code: Cell | None
    ) -> None:
        try:
            sku_text = self._parse_text(sku, SKU)
            pieces = self._parse_quantity(quantity)
            erp_text = ""
            if not (self._is_division_optional and is_empty(erp_code)):
                erp_text = self._parse_text(erp_code, ERP_CODE)
        except CellRejected:
            self._error_count += 1
            self._reject_cells(number, {SKU: sku, QUANTITY: quantity, ERP_CODE: erp_code})
        else:
            self._rows.append(number, sku_text, pieces, erp_text)

    def _reject_cells(self, number: int, cells: dict[str, Cell | None]) -> None:
        # The first bad cell has ended the row, so each cell is parsed again to report all of them.
        for name, cell in cells.items():
            if name == ERP_CODE and self._is_division_optional and is_empty(cell):
                continue
            try:
                parse_quantity(cell) if name == QUANTITY else parse_text(cell, name)
            except CellRejected as rejection:
                self._list_error(number, name, cell, rejection)

    def _list_error(
        self, row: int, column: str, cell: Cell | None, rejection: CellRejected
    ) -> None:
        if len(self._errors) < MAXIMUM_ERRORS:
            value = format_cell(cell)
            self._errors.append(
                RowError(row, column, value, rejection.code, rejection.message)
            )

    def _reject_beyond(self, number: int, cell: Cell) -> None:
        self._error_count += 1
        # It may belong to any cell before it; the first one stands for the row.
        self._list_error(number, SKU, cell, text_rejection(BEYOND_HEADER))

    def reject_covered(self, merged: Iterable[MergedCells]) -> None:
        """Rejects good rows with a cell below a merged one: a person does not see it."""
        covered = self._find_covered(merged)
        if not covered:
            return
        rows, self._rows = self._rows, SpreadsheetRows()
        for row in rows:
            if name := covered.get(row[0]):
                self._reject_covered_row(row, name)
            else:
                self._rows.append(*row)

    def _reject_covered_row(self, row: tuple[int, str, int, str], name: str) -> None:
        cells: tuple[Cell, ...] = row[1:]
        message = (
            f"The {name} lies below a merged cell and is not shown; unmerge the cells."
        )
        reject = quantity_rejection if name == QUANTITY else text_rejection
        self._error_count += 1
        self._list_error(row[0], name, cells[COLUMNS.index(name)], reject(message))

    def _find_covered(self, merged: Iterable[MergedCells]) -> dict[int, str]:
        """Returns the numbers of rows with covered cells, each with the name of one column."""
        areas = AreaIndex(list(find_covered_areas(merged)))
        if not areas:
            return {}
        return {
            number: name
            for name, column in zip(COLUMNS, self._positions, strict=True)
            for number in self._rows.numbers
            if areas.contains(number, column)
        }
