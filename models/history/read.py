"""Reading the history of baskets: pages of changes, their lines, and who made them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from models.database.columns import Columns
from models.database.integers import LARGEST_INT
from models.database.statements import Row, load_statements
from models.history.lines import (
    ChangeLines,
    UnknownFormat,
    lines_from_text,
    split_by_lines,
)
from models.history.tables import BasketChange

HIDDEN = ("user_id", "lines", "retained_until")
CHANGE = Columns(BasketChange, hidden=HIDDEN)
"""The columns that are read of a change, besides its lines."""

_STATEMENTS = {
    order: load_statements(__file__, change=CHANGE.select("c"), order=order)
    for order in ("ASC", "DESC")
}


class ActorRead(NamedTuple):
    """A user as the author of a change."""

    id: int
    email: str
    first_name: str
    last_name: str


class ChangeRead(NamedTuple):
    """A change as it is read, without its lines; the amount is in hundredths.

    Kind and origin are those of ChangeKind and ChangeOrigin, or of a newer release.
    """

    id: int
    version: int
    kind: str
    origin: str
    created_at: str
    currency: str | None
    total_amount: int
    total_quantity: int
    line_count: int
    actor: ActorRead | None


class ChangeRange(NamedTuple):
    """The versions of a basket between two others, both of them left out."""

    basket_id: int
    after: int
    before: int


class ChangeCount(NamedTuple):
    """How many versions of a basket its history has, and the oldest and the newest of them."""

    total: int
    oldest: int
    newest: int


async def read_changes(
    ranges: Sequence[ChangeRange], size: int, *, is_backward: bool
) -> Mapping[int, Sequence[ChangeRead]]:
    """Reads the newest changes of each range, or the oldest ones, by basket; the newest first."""
    statement = _STATEMENTS["ASC" if is_backward else "DESC"]["page"]
    changes: dict[int, list[ChangeRead]] = {each.basket_id: [] for each in ranges}
    for row in await statement.rows(size=size, **_columns(ranges)):
        changes[row["basket_id"]].append(_change_from_row(row))
    return changes


async def count_changes(ranges: Sequence[ChangeRange]) -> Mapping[int, ChangeCount]:
    """Counts the changes of each range by basket; a basket without changes is absent."""
    rows = await _STATEMENTS["ASC"]["count"].rows(**_columns(ranges))
    return {
        row["basket_id"]: ChangeCount(row["count"], row["oldest"], row["newest"])
        for row in rows
    }


def _columns(ranges: Sequence[ChangeRange]) -> dict[str, object]:
    """Returns ranges as the parameters of a statement: PostgreSQL takes an array per column."""
    # A named tuple is nothing that JSON knows.
    basket_ids, after, before = map(list, zip(*ranges, strict=True))
    return {
        "ranges": [tuple(each) for each in ranges],
        "basket_ids": basket_ids,
        "after": after,
        "before": before,
    }


async def find_own_change(user_id: int, change_id: int) -> ChangeRead | None:
    """Reads a change of one of the user's baskets; None when it is not theirs."""
    row = await _STATEMENTS["ASC"]["own_change"].row(user_id=user_id, change_id=change_id)
    return _change_from_row(row) if row else None


async def find_actor(user_id: int, actor_id: int) -> ActorRead | None:
    """Reads the author of a change of one of the user's baskets; None for any other user."""
    if actor_id > LARGEST_INT:
        return None
    row = await _STATEMENTS["ASC"]["actor"].row(user_id=user_id, actor_id=actor_id)
    return ActorRead(*(row[name] for name in ActorRead._fields)) if row else None


def _change_from_row(row: Row) -> ChangeRead:
    values = {name: row[name] for name in CHANGE.names}
    return ChangeRead(**values, actor=_actor_from_row(row))


def _actor_from_row(row: Row) -> ActorRead | None:
    if row["actor_id"] is None:
        return None
    return ActorRead(*(row[f"actor_{name}"] for name in ActorRead._fields))


async def read_lines(
    counts: Mapping[int, int],
) -> AsyncIterator[tuple[int, ChangeLines | UnknownFormat]]:
    """Yields the lines of changes by id, or the reason why they cannot be read.

    `counts` has the numbers of lines of the changes by id.
    """
    # Each part is read and parsed before the next, so that imports do not fill the memory at once.
    for ids in split_by_lines(counts.items()):
        rows = BasketChange.filter(id__in=ids)
        for change_id, text in await rows.values_list("id", "lines"):
            try:
                yield change_id, lines_from_text(text)
            except UnknownFormat as error:
                yield change_id, error
