"""Reading baskets: each read is one statement, with or without the items.

A *whole* read has a row for each item; its first column, the *head*, is the same for all rows of a basket and holds
the basket and the divisions of its items as JSON text, so that neither is sent, or read, once an item and division. A
read of *totals* has a row a basket, with a head that knows no divisions, and sums made by the database.

Moments come as texts: asyncpg needs longer to make them than for all other columns together.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.division import DIVISION_COLUMNS
from models.product import PRODUCT_COLUMNS
from models.statement import Row, Statement

HEAD_COLUMNS = "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at, b.saved_at"
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
_WHOLE = (
    f"WITH chosen AS MATERIALIZED (SELECT json_build_array({HEAD_COLUMNS}, {_DIVISIONS})::text AS head, b.* "
    "FROM basket b WHERE {condition}) "
    f"SELECT b.head, i.id, i.price, i.currency, {_QUANTITIES}, {PRODUCT_COLUMNS} "
    "FROM chosen b LEFT JOIN basket_item i ON i.basket_id = b.id LEFT JOIN product p ON p.id = i.product_id "
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

HEAD, ITEM, ITEM_PRICE, ITEM_CURRENCY, QUANTITIES, PRODUCT = range(6)
"""Where the columns of a whole read stand; PRODUCT_COLUMNS come last.

QUANTITIES is a text of pairs in the order first added, "7 2 9 1" for two pieces for division 7 and one for division 9.
"""
HEAD_DIVISIONS = 8
"""Where in the head of a whole read the divisions stand, each a list of DIVISION_COLUMNS; null when there are none."""


class BasketRows(NamedTuple):
    """What was read of one or more baskets, and whether their items were read too."""

    rows: Sequence[Row]
    whole: bool


class BasketRead:
    """One way to choose baskets, as two statements."""

    def __init__(self, condition: str, order: str = "b.id") -> None:
        self._whole = Statement(_WHOLE.format(condition=condition, order=order))
        self._totals = Statement(_TOTALS.format(condition=condition, order=order))

    async def rows(self, *values: object, whole: bool) -> BasketRows:
        """Reads the chosen baskets, at one moment."""
        statement = self._whole if whole else self._totals
        return BasketRows(await statement.rows(*values), whole)


ACTIVE = BasketRead("b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE'")
"""Takes the user's id and the segment."""

ALL_ACTIVE = BasketRead("b.user_id = $1 AND b.status = 'ACTIVE'", order="b.segment, b.id")
"""Takes the user's id."""

OWN = BasketRead("b.user_id = $1 AND b.id = ANY($2::bigint[])")
"""Takes the user's id and a list of ids."""

_DRAFT_PAGE = (
    "b.id IN (SELECT id FROM basket WHERE user_id = $1 AND status = 'DRAFT' "
    "AND (saved_at, id) < ($2, $3) ORDER BY saved_at DESC, id DESC LIMIT $4)"
)
DRAFTS = BasketRead(_DRAFT_PAGE, order="b.saved_at DESC, b.id DESC")
"""Takes the user's id, the moment and id to begin after, and how many."""

_DRAFT_COUNT = Statement("SELECT COUNT(*) FROM basket WHERE user_id = $1 AND status = 'DRAFT'")


async def draft_count(user_id: int) -> int:
    """Counts the user's drafts."""
    row = await _DRAFT_COUNT.row(user_id)
    return int(row[0]) if row else 0


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
