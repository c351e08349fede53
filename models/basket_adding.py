"""Adding to the active basket at once: one statement that does all of it, or nothing.

Almost every addition is of products that are known, for divisions that the buyer may buy for, within all limits, and
met by no other change. For those, one statement on PostgreSQL makes or locks the basket, counts its version, adds items
and quantities, checks every rule and reads the basket, in one round trip and a transaction of its own.

Everything else ends in an error within the statement, which undoes it; the careful path of `basket_changing` then
begins afresh and finds out what to refuse, what to ask Commerce for, or that another change was only a moment sooner.
The other parts of a statement see the database as it was before the statement waited for the lock, so the version and
the id from before that moment must fit those of the locked basket.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from asyncpg.exceptions import DivisionByZeroError, UniqueViolationError

from models.basket import MAXIMUM_ITEMS, MAXIMUM_QUANTITY, MAXIMUM_TOTAL_QUANTITY
from models.basket_reading import HEAD_COLUMNS, BasketRows
from models.division import DIVISION_COLUMNS
from models.product import PRODUCT_COLUMNS
from models.statement import Statement, has_one_statement_changes, now
from models.time_limit import begin_to_commit
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


_CHANGE = (
    "WITH before AS MATERIALIZED (SELECT id, version FROM basket WHERE user_id = $1 AND segment = $2 "
    "AND status = 'ACTIVE'), "
    "b AS (INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) "
    "VALUES ($1, $2, 'ACTIVE', 1, $4, $4) ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE' "
    "DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at RETURNING *), "
    "held AS (SELECT i.id, i.product_id, i.price, i.currency FROM b JOIN basket_item i ON i.basket_id = b.id), "
    "asked AS (SELECT line.position, line.quantity, p.id AS product_id, p.price, p.currency, d.id AS division_id "
    "FROM jsonb_to_recordset($3::jsonb) AS line(position int, remote_id int, sku text, division_id int, erp_code text, "
    "quantity int) JOIN product p ON p.segment = $2 AND (p.remote_id = line.remote_id OR p.sku = line.sku) "
    "JOIN division d ON d.id = line.division_id OR d.erp_code = line.erp_code "
    "LEFT JOIN held ON held.product_id = p.id WHERE d.is_active AND (d.id = $6 OR d.parent_id = $6) "
    "AND (held.id IS NOT NULL OR (p.is_available AND p.refreshed_at >= $5))), "
    "added AS (INSERT INTO basket_item (basket_id, product_id, price, currency) "
    "SELECT b.id, a.product_id, a.price, a.currency FROM b CROSS JOIN asked a "
    "WHERE NOT EXISTS (SELECT 1 FROM held WHERE held.product_id = a.product_id) "
    "GROUP BY b.id, a.product_id, a.price, a.currency ORDER BY MIN(a.position) "
    "RETURNING id, product_id, price, currency), "
    "i AS (SELECT * FROM held UNION ALL SELECT * FROM added), "
    "changed AS (INSERT INTO basket_item_division AS q (item_id, division_id, quantity) "
    "SELECT i.id, a.division_id, SUM(a.quantity) FROM asked a JOIN i ON i.product_id = a.product_id "
    "GROUP BY i.id, a.division_id ORDER BY MIN(a.position) ON CONFLICT (item_id, division_id) "
    "DO UPDATE SET quantity = q.quantity + excluded.quantity RETURNING q.id, q.item_id, q.division_id, q.quantity), "
    "quantities AS (SELECT q.id, q.item_id, q.division_id, q.quantity FROM held "
    "JOIN basket_item_division q ON q.item_id = held.id "
    "WHERE NOT EXISTS (SELECT 1 FROM changed WHERE changed.id = q.id) UNION ALL SELECT * FROM changed), "
    # Where a rule is broken, this divides by zero, and all of the above is undone.
    "kept AS MATERIALIZED (SELECT b.*, 1 / CAST(COALESCE("
    "(SELECT COUNT(*) = $7 AND COUNT(DISTINCT position) = $7 FROM asked) "
    f"AND (SELECT COUNT(*) <= {MAXIMUM_ITEMS} AND COUNT(DISTINCT currency) = 1 FROM i) "
    f"AND (SELECT MAX(quantity) <= {MAXIMUM_QUANTITY} FROM changed) "
    f"AND (SELECT SUM(quantity) <= {MAXIMUM_TOTAL_QUANTITY} FROM quantities) "
    "AND b.version - 1 = COALESCE((SELECT version FROM before WHERE before.id = b.id), 0) "
    "AND (b.version = 1) = (NOT EXISTS (SELECT 1 FROM before)) "
    "AND ($8::int IS NULL OR $8 = b.version - 1), false) AS int) AS all_rules FROM b) "
)
_WHOLE = Statement(
    f"{_CHANGE}, parts AS (SELECT item_id, string_agg(division_id || ' ' || quantity, ' ' ORDER BY id) AS text "
    "FROM quantities GROUP BY item_id), "
    f"head AS MATERIALIZED (SELECT json_build_array({HEAD_COLUMNS}, (SELECT json_agg(json_build_array("
    f"{DIVISION_COLUMNS})) FROM division d LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE d.id IN (SELECT division_id FROM quantities)))::text AS text FROM kept AS b WHERE all_rules = 1) "
    f"SELECT head.text, i.id, i.price, i.currency, parts.text, {PRODUCT_COLUMNS} FROM head LEFT JOIN i ON true "
    "LEFT JOIN parts ON parts.item_id = i.id LEFT JOIN product p ON p.id = i.product_id ORDER BY i.id"
)
_TOTALS = Statement(
    f"{_CHANGE} SELECT json_build_array({HEAD_COLUMNS})::text, (SELECT COUNT(*) FROM i), "
    "(SELECT CAST(SUM(quantity) AS BIGINT) FROM quantities), "
    "(SELECT CAST(SUM(i.price * q.quantity) AS BIGINT) FROM quantities q JOIN i ON i.id = q.item_id), "
    "(SELECT MIN(currency) FROM i), 1 FROM kept AS b WHERE all_rules = 1"
)


async def add_at_once(
    buyer: Buyer,
    segment: int,
    lines: Sequence[AskedLine],
    *,
    expected_version: int | None,
    confirmed_since: datetime,
    whole: bool,
) -> BasketRows | None:
    """Adds lines and returns the basket; None, with nothing changed, when that needs the careful path.

    Products that the basket does not hold must have been confirmed by Commerce since the given moment.
    """
    if not has_one_statement_changes() or any((line.division_id or 0) > LARGEST_KEY for line in lines):
        return None
    # From here on it may be committed at any moment, so it is not given up.
    begin_to_commit()
    text = orjson.dumps([{"position": place, **asdict(line)} for place, line in enumerate(lines)]).decode()
    statement = _WHOLE if whole else _TOTALS
    try:
        rows = await statement.rows(
            buyer.id, segment, text, now(), confirmed_since, buyer.division.id, len(lines), expected_version
        )
    except (DivisionByZeroError, UniqueViolationError):
        return None
    if not rows:
        raise RuntimeError("The addition changed a basket and returned no row of it.")
    return BasketRows(rows, whole)
