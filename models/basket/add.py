"""Adding to the active basket at once: one statement that does all of it, or nothing.

Almost every addition is of products that are known, for divisions that the buyer may buy for, within all limits, and
met by no other change. For those, one statement on PostgreSQL makes or locks the basket, counts its version, adds items
and quantities, checks every rule and reads the basket, in one round trip and a transaction of its own.

Everything else ends in an error within the statement, which undoes it; the careful path of `basket_changing` then
begins afresh and finds out what to reject, what to ask Commerce for, or that another change was only a moment sooner.
The other parts of a statement see the database as it was before the statement waited for the lock, so the version and
the id from before that moment must fit those of the locked basket.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from asyncpg.exceptions import (
    CardinalityViolationError,
    DivisionByZeroError,
    UniqueViolationError,
)

from models.basket.read import HEAD_COLUMNS, LISTS, BasketRows, named
from models.basket.tables import MAXIMUM_ITEMS, MAXIMUM_QUANTITY, MAXIMUM_TOTAL_QUANTITY
from models.database.statement import Statement, is_sqlite, now
from models.division import DIVISION_COLUMNS
from models.product.tables import PRODUCT_COLUMNS
from models.user import Buyer

LARGEST_KEY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A quantity of a product, by remote id or SKU, for a division, by id or ERP code; the other of each is None."""

    remote_id: int | None
    sku: str | None
    division_id: int | None
    erp_code: str | None
    quantity: int


_LOCKED = (
    "WITH before AS MATERIALIZED (SELECT id, version FROM basket WHERE user_id = $1 AND segment = $2 "
    "AND status = 'ACTIVE'), "
    "b AS (INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) "
    "VALUES ($1, $2, 'ACTIVE', 1, $3, $3) ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE' "
    "DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at RETURNING *), "
)
# A SKU may have moved to another product since Commerce was asked, also one that the basket holds.
_ALLOWED = (
    "d.is_active AND (d.id = $5 OR d.parent_id = $5) AND p.is_available "
    "AND ((p.owns_sku AND p.refreshed_at >= $4) OR (held.id IS NOT NULL AND {sku} IS NULL))"
)
_INTO_ITEMS = "INSERT INTO basket_item (basket_id, product_id, price, currency)"
_INTO_QUANTITIES = "INSERT INTO basket_item_division AS q (item_id, division_id, quantity)"
_ADDING = (
    "ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = q.quantity + excluded.quantity "
    "RETURNING q.id, q.item_id, q.division_id, q.quantity"
)
# Most additions are of one product for one division; neither a list nor sums are made for those.
_ONE_LINE = (
    f"{_LOCKED}asked AS MATERIALIZED (SELECT 0 AS position, p.id AS product_id, p.price, p.currency, "
    "d.id AS division_id, held.id AS item_id FROM b CROSS JOIN product p CROSS JOIN division d "
    "LEFT JOIN basket_item held ON held.basket_id = b.id AND held.product_id = p.id "
    "WHERE p.segment = $2 AND (p.remote_id = $8 OR p.sku = $9) AND (d.id = $10 OR d.erp_code = $11) "
    f"AND {_ALLOWED.format(sku='$9::text')}), "
    f"added AS ({_INTO_ITEMS} SELECT b.id, a.product_id, a.price, a.currency FROM b CROSS JOIN asked a "
    "WHERE a.item_id IS NULL RETURNING id, product_id, price, currency), "
    f"changed AS ({_INTO_QUANTITIES} SELECT COALESCE(a.item_id, added.id), a.division_id, $12 "
    f"FROM asked a LEFT JOIN added ON true {_ADDING}), "
)
_SEVERAL_LINES = (
    f"{_LOCKED}asked AS MATERIALIZED (SELECT line.position, line.quantity, p.id AS product_id, p.price, p.currency, "
    "d.id AS division_id, held.id AS item_id FROM b CROSS JOIN jsonb_to_recordset($8::jsonb) "
    "AS line(position int, remote_id int, sku text, division_id int, erp_code text, quantity int) "
    "JOIN product p ON p.segment = $2 AND (p.remote_id = line.remote_id OR p.sku = line.sku) "
    "JOIN division d ON d.id = line.division_id OR d.erp_code = line.erp_code "
    "LEFT JOIN basket_item held ON held.basket_id = b.id AND held.product_id = p.id "
    f"WHERE {_ALLOWED.format(sku='line.sku')}), "
    f"added AS ({_INTO_ITEMS} SELECT b.id, a.product_id, a.price, a.currency FROM b CROSS JOIN asked a "
    "WHERE a.item_id IS NULL GROUP BY b.id, a.product_id, a.price, a.currency ORDER BY MIN(a.position) "
    "RETURNING id, product_id, price, currency), "
    f"changed AS ({_INTO_QUANTITIES} SELECT COALESCE(a.item_id, added.id), a.division_id, SUM(a.quantity) "
    "FROM asked a LEFT JOIN added ON added.product_id = a.product_id "
    f"GROUP BY COALESCE(a.item_id, added.id), a.division_id ORDER BY MIN(a.position) {_ADDING}), "
)
_CHECKED = (
    "i AS (SELECT i.id, i.product_id, i.price, i.currency FROM b JOIN basket_item i ON i.basket_id = b.id "
    "UNION ALL SELECT * FROM added), "
    "quantities AS (SELECT q.id, q.item_id, q.division_id, q.quantity FROM b JOIN basket_item i ON i.basket_id = b.id "
    "JOIN basket_item_division q ON q.item_id = i.id "
    "WHERE NOT EXISTS (SELECT 1 FROM changed WHERE changed.id = q.id) UNION ALL SELECT * FROM changed), "
    "sums AS MATERIALIZED (SELECT COUNT(DISTINCT i.id) AS item_count, CAST(SUM(q.quantity) AS BIGINT) AS quantity, "
    "CAST(SUM(i.price * q.quantity) AS BIGINT) AS amount, MIN(i.currency) AS currency, MAX(i.currency) AS currency_too "
    "FROM i JOIN quantities q ON q.item_id = i.id), "
    # Where a rule is broken, this divides by zero, and all of the above is undone.
    "kept AS MATERIALIZED (SELECT b.*, item_count, quantity, amount, currency, 1 / CAST(COALESCE("
    "(SELECT COUNT(*) = $6 AND COUNT(DISTINCT position) = $6 FROM asked) "
    f"AND item_count <= {MAXIMUM_ITEMS} AND currency = currency_too AND quantity <= {MAXIMUM_TOTAL_QUANTITY} "
    f"AND (SELECT MAX(quantity) <= {MAXIMUM_QUANTITY} FROM changed) "
    "AND b.version - 1 = COALESCE((SELECT version FROM before WHERE before.id = b.id), 0) "
    "AND (b.version = 1) = (NOT EXISTS (SELECT 1 FROM before)) "
    "AND ($7::int IS NULL OR $7 = b.version - 1), false) AS int) AS all_rules FROM b CROSS JOIN sums)"
)
_ITEM_COLUMNS = ("i.id", "i.price", "i.currency", "parts.text", *PRODUCT_COLUMNS)
_WHOLE = (
    ", parts AS (SELECT item_id, string_agg(division_id || ' ' || quantity, ' ' ORDER BY id) AS text "
    "FROM quantities GROUP BY item_id), "
    f"head AS MATERIALIZED (SELECT json_build_array({HEAD_COLUMNS}, (SELECT json_agg(json_build_array("
    f"{DIVISION_COLUMNS})) FROM division d LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE d.id IN (SELECT division_id FROM quantities)))::text AS text FROM kept AS b WHERE all_rules = 1) "
    f"SELECT head.text, lists.* FROM head LEFT JOIN LATERAL (SELECT {LISTS} FROM (SELECT {named(_ITEM_COLUMNS)} "
    "FROM i JOIN parts ON parts.item_id = i.id JOIN product p ON p.id = i.product_id ORDER BY i.id) AS item) AS lists "
    "ON true"
)
_TOTALS = (
    f" SELECT json_build_array({HEAD_COLUMNS})::text, item_count, quantity, amount, currency, 1 "
    "FROM kept AS b WHERE all_rules = 1"
)
_STATEMENTS = {
    (is_one, whole): Statement(
        (_ONE_LINE if is_one else _SEVERAL_LINES)
        + _CHECKED
        + (_WHOLE if whole else _TOTALS)
    )
    for is_one in (True, False)
    for whole in (True, False)
}


async def add_at_once(
    buyer: Buyer,
    segment: int,
    lines: Sequence[AskedLine],
    *,
    expected_version: int | None,
    confirmed_since: datetime,
    whole: bool,
    before_commit: Callable[[], None],
) -> BasketRows | None:
    """Adds lines and returns the basket; None, with nothing changed, when that needs the careful path.

    Products that the basket does not hold, and SKUs, must have been confirmed by Commerce since the
    given timestamp.
    """
    if is_sqlite() or any((line.division_id or 0) > LARGEST_KEY for line in lines):
        return None
    # From here on it may be committed at any moment, so it is not given up.
    before_commit()
    statement = _STATEMENTS[len(lines) == 1, whole]
    shared = (
        buyer.id,
        segment,
        now(),
        confirmed_since,
        buyer.division.id,
        len(lines),
        expected_version,
    )
    try:
        rows = await statement.rows(*shared, *_line_values(lines))
    except (CardinalityViolationError, DivisionByZeroError, UniqueViolationError):
        return None
    if not rows:
        raise RuntimeError("The addition changed a basket and returned no row of it.")
    return BasketRows(rows, whole)


def _line_values(lines: Sequence[AskedLine]) -> tuple[object, ...]:
    if len(lines) == 1:
        (line,) = lines
        return line.remote_id, line.sku, line.division_id, line.erp_code, line.quantity
    records = [
        {
            "position": place,
            "remote_id": line.remote_id,
            "sku": line.sku,
            "division_id": line.division_id,
            "erp_code": line.erp_code,
            "quantity": line.quantity,
        }
        for place, line in enumerate(lines)
    ]
    return (orjson.dumps(records).decode(),)
