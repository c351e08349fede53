"""Areas of a sheet, however many a file has: to look a cell up takes no look at each of them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tasks.spreadsheets.cells import MergedCells


class RowRanges(NamedTuple):
    """Ranges of rows in their order, none of which touches another: first and last row of each."""

    firsts: list[int]
    lasts: list[int]


class AreaIndex:
    """Tells which cells are in one of many areas."""

    def __init__(self, areas: Sequence[MergedCells]) -> None:
        self._areas = areas
        self._columns: dict[int, RowRanges] = {}

    def __bool__(self) -> bool:
        return bool(self._areas)

    def contains(self, row: int, column: int) -> bool:
        """Tells whether a cell is in one of the areas."""
        ranges = self._columns.get(column)
        if ranges is None:
            ranges = self._columns[column] = self._find_ranges(column)
        index = bisect_right(ranges.firsts, row) - 1
        return index >= 0 and row <= ranges.lasts[index]

    def _find_ranges(self, column: int) -> RowRanges:
        """Returns the rows of all areas with this column."""
        rows = {
            (area.first_row, area.last_row)
            for area in self._areas
            if area.first_column <= column <= area.last_column
        }
        ranges = RowRanges([], [])
        for first, last in sorted(rows):
            if ranges.lasts and first <= ranges.lasts[-1] + 1:
                ranges.lasts[-1] = max(ranges.lasts[-1], last)
            elif first <= last:
                ranges.firsts.append(first)
                ranges.lasts.append(last)
        return ranges


def find_covered_areas(merged: Iterable[MergedCells]) -> Iterator[MergedCells]:
    """Yields the areas of the cells that are not shown: all of merged ones but the first."""
    for area in merged:
        first, last = area.first_column, area.last_column
        below = area._replace(first_row=area.first_row + 1, last_column=min(first, last))
        yield from (below, area._replace(first_column=first + 1))
