"""The areas of an xls sheet where a condition may show numbers in another format."""

import struct
from functools import cached_property

from tasks.spreadsheets.areas import AreaIndex
from tasks.spreadsheets.cells import CONDITIONAL, MergedCells, Number, Row

_AREAS, _RULE = 0x01B0, 0x01B1
_NEW_AREAS, _NEW_RULE, _RULE_EXTENSION = 0x0879, 0x087A, 0x087B
CONDITIONS = frozenset({_AREAS, _RULE, _NEW_AREAS, _NEW_RULE, _RULE_EXTENSION})
"""The codes of the records of conditional formats."""
_HEADER_LENGTH = 12
"""The bytes before the content of records that Excel 2007 has added."""
_RULE_LENGTH = 6
"""The bytes of a rule before its format: its kind, its operator, the lengths of two formulas."""
_EXTENSION_LENGTH = 14
"""The bytes of an extension between its header and its format."""
_AREA = struct.Struct("<4H")
_FLAGS = struct.Struct("<I")
_HAS_NUMBER_FORMAT = 1 << 25


class XlsConditions:
    """Takes the records of conditional formats and collects the areas of those with a format."""

    def __init__(self) -> None:
        self.areas: list[MergedCells] = []
        self._present: MergedCells | None = None

    def take(self, code: int, content: bytes) -> None:
        """Takes a record; others than those of conditions, and broken ones, change nothing."""
        if code in (_AREAS, _NEW_AREAS):
            # The count of rules and their number stand before the area around all cells.
            self._present = _unpack_area(content, 4 + _header_length(code))
        elif code in (_RULE, _NEW_RULE):
            first = _header_length(code) + _RULE_LENGTH + 4 * (code == _NEW_RULE)
            if self._present and _has_number_format(content, first):
                self.areas.append(self._present)
        elif code == _RULE_EXTENSION:
            area = _unpack_area(content, 4)
            if area and _has_number_format(content, _HEADER_LENGTH + _EXTENSION_LENGTH + 4):
                self.areas.append(area)

    def apply(self, row: int, cells: Row) -> None:
        """Makes numbers within the areas ones of which it is not known how they are shown."""
        if not self.areas:
            return
        for column, cell in cells.items():
            value = cell.value if isinstance(cell, Number) else cell
            if isinstance(value, int | float) and self._index.contains(row, column):
                cells[column] = Number(value, None, False, CONDITIONAL)

    @cached_property
    def _index(self) -> AreaIndex:
        # Made when all records have been taken.
        return AreaIndex(self.areas)


def _header_length(code: int) -> int:
    return 0 if code in (_AREAS, _RULE) else _HEADER_LENGTH


def _unpack_area(content: bytes, first: int) -> MergedCells | None:
    if len(content) < first + _AREA.size:
        return None
    first_row, last_row, first_column, last_column = _AREA.unpack_from(content, first)
    return MergedCells(first_row + 1, last_row + 1, first_column, last_column)


def _has_number_format(content: bytes, first: int) -> bool:
    if len(content) < first + _FLAGS.size:
        return False
    return bool(_FLAGS.unpack_from(content, first)[0] & _HAS_NUMBER_FORMAT)
