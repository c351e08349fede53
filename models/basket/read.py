"""Reading baskets: each read is one statement, with or without the items, and one row a basket.

The first column, the *head*, is JSON text: the columns of the basket and, in a *whole* read, the divisions of its
items, which so are said once. After it a whole read has the items: each column of them as one list, which takes
PostgreSQL and the driver two thirds of the time of a row an item. A read of *totals* has sums instead, made by the
database, and its head knows no divisions.

Moments come as texts: asyncpg needs longer to make them than for all other columns together.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from models.database.statement import Row, Statement, is_sqlite
from models.division import DIVISION_COLUMNS
from models.product.tables import PRODUCT_COLUMNS

HEAD_COLUMNS = (
    "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at, b.saved_at"
)
_DIVISIONS = (
    f"(SELECT json_agg(json_build_array({DIVISION_COLUMNS})) FROM division d "
    "LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE d.id IN (SELECT q.division_id FROM basket_item i JOIN basket_item_division q ON q.item_id = i.id "
    "WHERE i.basket_id = b.id))"
)
_QUANTITIES = (
    "(SELECT string_agg(part, ' ') FROM (SELECT q.division_id || ' ' || q.quantity AS part "
    "FROM basket_item_division q WHERE q.item_id = i.id ORDER BY q.id) AS parts)"
)
ITEM_COLUMNS = ("i.id", "i.price", "i.currency", _QUANTITIES, *PRODUCT_COLUMNS)
_NAMES = [f"column_{place}" for place in range(len(ITEM_COLUMNS))]
LISTS = ", ".join(f"array_agg({name})" for name in _NAMES)
"""Makes one row of lists from rows of NAMED_ITEM_COLUMNS, in their order."""


def named(columns: Sequence[str]) -> str:
    """Writes the columns of items with the names that LISTS takes them by."""
    return ", ".join(
        f"{column} AS {name}" for column, name in zip(columns, _NAMES, strict=True)
    )


_WHOLE = (
    f"SELECT json_build_array({HEAD_COLUMNS}, {_DIVISIONS})::text, lists.* FROM basket b LEFT JOIN LATERAL "
    f"(SELECT {LISTS} FROM (SELECT {named(ITEM_COLUMNS)} FROM basket_item i JOIN product p ON p.id = i.product_id "
    "WHERE i.basket_id = b.id{items} ORDER BY i.id) AS item) AS lists ON true "
    "WHERE {condition} ORDER BY {order}"
)
# SQLite has no lists: there a row an item is read, and the lists are made of them.
_WHOLE_BY_ITEM = (
    f"WITH chosen AS MATERIALIZED (SELECT json_build_array({HEAD_COLUMNS}, {_DIVISIONS}) AS head, b.* "
    "FROM basket b WHERE {condition}) "
    f"SELECT b.head, {', '.join(ITEM_COLUMNS)} "
    "FROM chosen b LEFT JOIN basket_item i ON i.basket_id = b.id{items} "
    "LEFT JOIN product p ON p.id = i.product_id "
    "ORDER BY {order}, i.id"
)
_TOTALS = (
    f"SELECT json_build_array({HEAD_COLUMNS})::text, COUNT(DISTINCT i.id) AS item_count, "
    "CAST(COALESCE(SUM(q.quantity), 0) AS BIGINT) AS total_quantity, "
    "CAST(COALESCE(SUM(i.price * q.quantity), 0) AS BIGINT) AS total_amount, MIN(i.currency) AS currency, "
    "COUNT(DISTINCT i.currency) AS currency_count "
    "FROM basket b LEFT JOIN basket_item i ON i.basket_id = b.id LEFT JOIN basket_item_division q ON q.item_id = i.id "
    "WHERE {condition} GROUP BY b.id ORDER BY {order}"
)

HEAD = 0
"""Where the head stands in a row."""
HEAD_DIVISIONS = 8
"""Where in the head of a whole read the divisions stand, each a list of DIVISION_COLUMNS; null when there are none."""
ITEM, ITEM_PRICE, ITEM_CURRENCY, QUANTITIES, PRODUCT = range(5)
"""Where the columns of an item stand in `items_of`; PRODUCT_COLUMNS come last.

QUANTITIES is a text of pairs in the order first added, "7 2 9 1" for two pieces for division 7 and one for division 9.
"""


def items_of(row: Row) -> list[tuple[Any, ...]]:
    """Returns the columns of each item, in the order first added, from a row of a whole read."""
    lists: Sequence[Sequence[Any]] = row[1:]
    return list(zip(*lists, strict=True)) if lists[ITEM] is not None else []


def _with_lists(rows: Sequence[Row]) -> Sequence[Row]:
    """Makes a row a basket from a row an item."""
    baskets: list[Any] = []
    for head, group in groupby(rows, key=itemgetter(HEAD)):
        items = [row[1:] for row in group]
        is_empty = items[0][ITEM] is None
        baskets.append(
            [
                head,
                *(
                    [None] * len(items[0])
                    if is_empty
                    else map(list, zip(*items, strict=True))
                ),
            ]
        )
    return baskets


class BasketRows(NamedTuple):
    """What was read of one or more baskets, a row each, and whether their items were read too."""

    rows: Sequence[Row]
    whole: bool


class BasketRead:
    """One way to choose baskets and, by a condition on them, items of a whole read, as two statements."""

    def __init__(self, condition: str, order: str = "b.id", items: str = "") -> None:
        parts = {"condition": condition, "order": order, "items": items}
        self._whole = Statement(_WHOLE.format(**parts))
        self._whole_by_item = Statement(_WHOLE_BY_ITEM.format(**parts))
        self._totals = Statement(_TOTALS.format(condition=condition, order=order))

    async def rows(self, *values: object, whole: bool) -> BasketRows:
        """Reads the chosen baskets, at one moment."""
        if not whole:
            return BasketRows(await self._totals.rows(*values), whole)
        if is_sqlite():
            return BasketRows(_with_lists(await self._whole_by_item.rows(*values)), whole)
        return BasketRows(await self._whole.rows(*values), whole)


ACTIVE = BasketRead("b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE'")
"""Takes the user's id and the segment."""

ALL_ACTIVE = BasketRead("b.user_id = $1 AND b.status = 'ACTIVE'", order="b.segment, b.id")
"""Takes the user's id."""

OWN = BasketRead("b.user_id = $1 AND b.id = ANY($2::bigint[])")
"""Takes the user's id and a list of ids."""

OWN_ITEM = BasketRead(
    "b.user_id = $1 AND b.id = (SELECT basket_id FROM basket_item WHERE id = $2)",
    items=" AND i.id = $2",
)
"""Takes the user's id and the id of an item: a whole read has that item alone, among all divisions of its basket."""

_DRAFT_PAGE = (
    "b.id IN (SELECT id FROM basket WHERE user_id = $1 AND status = 'DRAFT' "
    "AND (saved_at, id) < ($2, $3) ORDER BY saved_at DESC, id DESC LIMIT $4)"
)
DRAFTS = BasketRead(_DRAFT_PAGE, order="b.saved_at DESC, b.id DESC")
"""Takes the user's id, the moment and id to begin after, and how many."""

_DRAFT_PAGE_BACKWARD = (
    "b.id IN (SELECT id FROM basket WHERE user_id = $1 AND status = 'DRAFT' "
    "AND (saved_at, id) > ($2, $3) ORDER BY saved_at, id LIMIT $4)"
)
DRAFTS_BACKWARD = BasketRead(_DRAFT_PAGE_BACKWARD, order="b.saved_at DESC, b.id DESC")
"""Takes the user's id, the moment and id to end before, and how many."""

_DRAFT_FROM = "SELECT 1 FROM basket WHERE user_id = $1 AND status = 'DRAFT' AND (saved_at, id) {} ($2, $3) LIMIT 1"
_DRAFT_SINCE = Statement(_DRAFT_FROM.format(">="))
_DRAFT_UNTIL = Statement(_DRAFT_FROM.format("<="))

_DRAFT_COUNT = Statement(
    "SELECT COUNT(*) FROM basket WHERE user_id = $1 AND status = 'DRAFT'"
)


async def draft_count(user_id: int) -> int:
    """Counts the user's drafts."""
    row = await _DRAFT_COUNT.row(user_id)
    return int(row[0]) if row else 0


async def has_drafts_beyond(
    user_id: int, saved_at: datetime, basket_id: int, *, is_backward: bool
) -> bool:
    """Tells whether the user has drafts at this position or beyond it, seen from the page that it bounds."""
    statement = _DRAFT_UNTIL if is_backward else _DRAFT_SINCE
    return await statement.row(user_id, saved_at, basket_id) is not None


class BasketTotals(NamedTuple):
    """The sums of a basket: how many products and pieces, their amount in hundredths, their currencies."""

    item_count: int
    total_quantity: int
    total_amount: int
    currency: str | None
    currency_count: int


def totals_of(row: Row) -> BasketTotals:
    """Reads the sums from a row of totals."""
    return BasketTotals(row[1], row[2], row[3], row[4], row[5])
