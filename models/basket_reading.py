"""Reading baskets: each read is one statement, with or without the items.

A *whole* read is one joined SELECT, a row for each item and division. A read of *totals* is a row a basket, summed by
the database. Both begin with HEADER_COLUMNS, so that whoever needs no items pays for none.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.division import DIVISION_COLUMNS
from models.product import PRODUCT_COLUMNS
from models.statement import Row, Statement

HEADER_COLUMNS = "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at, b.saved_at"
HEADER_COLUMN_COUNT = 8
ITEM_COLUMNS_BEGIN = HEADER_COLUMN_COUNT

_ITEMS = "LEFT JOIN basket_item i ON i.basket_id = b.id LEFT JOIN basket_item_division q ON q.item_id = i.id "
_WHOLE = (
    f"SELECT {HEADER_COLUMNS}, i.id AS item_id, i.price AS item_price, i.currency AS item_currency, q.quantity, "
    f"{PRODUCT_COLUMNS}, {DIVISION_COLUMNS} FROM basket b {_ITEMS}LEFT JOIN product p ON p.id = i.product_id "
    "LEFT JOIN division d ON d.id = q.division_id LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE {condition} ORDER BY {order}, i.id, q.id"
)
_TOTALS = (
    f"SELECT {HEADER_COLUMNS}, COUNT(DISTINCT i.id) AS item_count, "
    "CAST(COALESCE(SUM(q.quantity), 0) AS BIGINT) AS total_quantity, "
    "CAST(COALESCE(SUM(i.price * q.quantity), 0) AS BIGINT) AS total_amount, MIN(i.currency) AS currency, "
    "COUNT(DISTINCT i.currency) AS currency_count "
    f"FROM basket b {_ITEMS}WHERE {{condition}} GROUP BY b.id ORDER BY {{order}}"
)


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
    first = HEADER_COLUMN_COUNT
    return BasketTotals(row[first], row[first + 1], row[first + 2], row[first + 3], row[first + 4])
