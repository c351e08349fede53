"""Positions in a list that is ordered by a timestamp and, where two are equal, by id."""

from datetime import datetime
from typing import Any, NamedTuple

from tortoise.expressions import Q


class ListPosition(NamedTuple):
    """The timestamp and the id of a row, which need not exist any longer."""

    timestamp: datetime
    id: int


def is_before(column: str, position: ListPosition, *, or_there: bool = False) -> Q:
    """Returns the condition for rows before a position, or also at it."""
    return _compare(column, position, "lt", "lte" if or_there else "lt")


def is_after(column: str, position: ListPosition, *, or_there: bool = False) -> Q:
    """Returns the condition for rows after a position, or also at it."""
    return _compare(column, position, "gt", "gte" if or_there else "gt")


def _compare(column: str, position: ListPosition, strict: str, last: str) -> Q:
    # The first condition follows from the second; an index on the column serves it alone.
    within: dict[str, Any] = {f"{column}__{strict}e": position.timestamp}
    other: dict[str, Any] = {f"{column}__{strict}": position.timestamp}
    same: dict[str, Any] = {f"id__{last}": position.id}
    return Q(**within) & (Q(**other) | Q(**same))
