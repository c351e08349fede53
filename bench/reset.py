"""Resets the baskets to the loaded data, so that each measurement of changes starts alike."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from bench.load import HAS_TOTALS, TIMESTAMP, TOTALS
from bench.population import Placed

_QUANTITY = "1 + (item_id + (id + 1) % 2) % 9"
_CHANGED = "SELECT id FROM basket WHERE version <> 1"
_CHANGED_ITEMS = f"SELECT id FROM basket_item WHERE basket_id IN ({_CHANGED})"
_OF_CHANGED = f"WHERE i.basket_id IN ({_CHANGED})"
_NEXT_ID = "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)"


async def reset(
    connection: asyncpg.Connection,
    populations: Sequence[Placed],
    *,
    refreshed_at: datetime | None = None,
) -> None:
    """Resets items, quantities, totals and versions, deletes history and keys, freshens products.

    Products are confirmed at the given timestamp, or now where the last confirmation is a minute
    old, as known ones are fresh for 5 minutes.
    """
    last = populations[-1]
    items = last.first_item - 1 + last.item_count
    has_history = await connection.fetchval(HAS_TOTALS)
    statements = [
        f"TRUNCATE idempotency_key{', basket_change' if has_history else ''}",
        f"DELETE FROM basket_item WHERE id > {items}",
        f"DELETE FROM basket_item_division WHERE id > {2 * items}",
        f"DELETE FROM basket WHERE id >= {last.first_basket + last.basket_count}",
        f"UPDATE basket_item_division SET quantity = {_QUANTITY} "
        f"WHERE item_id IN ({_CHANGED_ITEMS}) AND quantity <> {_QUANTITY}",
        *([TOTALS.format(condition=_OF_CHANGED)] if has_history else ()),
        f"UPDATE basket SET version = 1, updated_at = {TIMESTAMP} WHERE version <> 1",
        confirmation(refreshed_at),
    ]
    changed = [await connection.execute(statement) for statement in statements]
    await connection.execute(
        _NEXT_ID.replace("$1", "'basket_item'").replace("$2", str(max(items, 1)))
    )
    # Updates leave dead rows behind, which the next measurement would have to skip.
    if any(not status.endswith(" 0") for status in changed):
        await connection.execute(
            "VACUUM (ANALYZE) basket, basket_item, basket_item_division, product"
        )


def confirmation(refreshed_at: datetime | None = None) -> str:
    """Returns the statement that confirms products: all at a timestamp, or the old ones now."""
    if refreshed_at is None:
        return (
            "UPDATE product SET refreshed_at = now() "
            "WHERE refreshed_at < now() - interval '1 minute'"
        )
    timestamp = f"timestamptz '{refreshed_at.isoformat()}'"
    return (
        f"UPDATE product SET refreshed_at = {timestamp} WHERE refreshed_at <> {timestamp}"
    )


async def changes(connection: asyncpg.Connection) -> int:
    """Returns the number of changes since the last reset, by the versions of the baskets."""
    return int(
        await connection.fetchval("SELECT COALESCE(SUM(version - 1), 0) FROM basket")
    )
