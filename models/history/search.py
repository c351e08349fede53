"""Searching the history of all baskets: by user, division or product, newest first."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.history.lines import ChangeLine, UnknownFormat, lines_from_text
from models.history.tables import BasketChange

AT_ONCE = 500
"""How many changes are read at once; a change may have 10,000 lines."""


class HistoryFilter(NamedTuple):
    """The changes that are wanted; None is all. A product has a row per segment and quotation."""

    user_id: int | None = None
    division_id: int | None = None
    product_ids: Collection[int] | None = None
    kind: str | None = None
    period: Q = Q()

    def condition(self) -> Q:
        """Returns the condition of the wanted changes, as far as columns tell."""
        condition = self.period
        if self.user_id is not None:
            condition &= Q(basket__user_id=self.user_id) | Q(user_id=self.user_id)
        if self.kind is not None:
            condition &= Q(kind=self.kind)
        if self._is_of_lines():
            condition &= Q(line_count__gt=0)
        return condition

    def choose(self, lines: Sequence[ChangeLine]) -> list[ChangeLine] | None:
        """Returns the wanted lines of a change; None when the change is not wanted."""
        chosen = [line for line in lines if self._wants(line)]
        return None if self._is_of_lines() and not chosen else chosen

    def _is_of_lines(self) -> bool:
        return self.division_id is not None or self.product_ids is not None

    def _wants(self, line: ChangeLine) -> bool:
        # A line without a division is of a price, and so of all divisions of its item.
        is_elsewhere = line.division_id not in (None, self.division_id)
        if self.division_id is not None and is_elsewhere:
            return False
        return self.product_ids is None or line.product_id in self.product_ids


class FoundChange(NamedTuple):
    """A change of a basket with its wanted lines, None where another release has written them."""

    row: BasketChange
    lines: Sequence[ChangeLine] | None


async def search_changes(wanted: HistoryFilter, limit: int) -> list[FoundChange]:
    """Reads the newest changes that are wanted, the newest first."""
    found: list[FoundChange] = []
    async for change in _search(wanted):
        found.append(change)
        if len(found) == limit:
            break
    return found


async def _search(wanted: HistoryFilter) -> AsyncIterator[FoundChange]:
    # Lines are JSON text without an index, so they are looked through here, a few at a time.
    changes = BasketChange.filter(wanted.condition()).select_related("basket__user")
    while rows := await _next(changes):
        for row in rows:
            try:
                lines = wanted.choose(lines_from_text(row.lines).lines)
            except UnknownFormat:
                # Better one too many than one that is kept from an auditor.
                yield FoundChange(row, None)
                continue
            if lines is not None:
                yield FoundChange(row, lines)
        changes = changes.filter(id__lt=rows[-1].id)


async def _next(changes: QuerySet[BasketChange]) -> list[BasketChange]:
    return await changes.order_by("-id").limit(AT_ONCE)
