"""Resets the baskets to the loaded data, so that each measurement of changes starts alike."""

from collections.abc import Sequence

import asyncpg

from bench.load import TIMESTAMP
from bench.population import Placed

_QUANTITY = "1 + (item_id + (id + 1) % 2) % 9"
_NEXT_ID = "SELECT setval(pg_get_serial_sequence($1, 'id'), $2)"


async def reset(
    connection: asyncpg.Connection, populations: Sequence[Placed], *, refresh: bool = True
) -> None:
    """Deletes added items, resets quantities and versions, and marks all products as fresh."""
    last = populations[-1]
    items = last.first_item - 1 + last.item_count
    statements = [
        f"DELETE FROM basket_item WHERE id > {items}",
        f"DELETE FROM basket_item_division WHERE id > {2 * items}",
        f"UPDATE basket_item_division SET quantity = {_QUANTITY} WHERE quantity <> {_QUANTITY}",
        f"UPDATE basket SET version = 1, updated_at = {TIMESTAMP} WHERE version <> 1",
    ]
    if refresh:
        # Known products are fresh for 5 minutes.
        statements.append(
            "UPDATE product SET refreshed_at = now() "
            "WHERE refreshed_at < now() - interval '1 minute'"
        )
    changed = [await connection.execute(statement) for statement in statements]
    await connection.execute(
        _NEXT_ID.replace("$1", "'basket_item'").replace("$2", str(max(items, 1)))
    )
    # Updates leave dead rows behind, which the next measurement would have to skip.
    if any(not status.endswith(" 0") for status in changed):
        await connection.execute(
            "VACUUM (ANALYZE) basket, basket_item, basket_item_division, product"
        )


async def changes(connection: asyncpg.Connection) -> int:
    """Returns the number of changes since the last reset, by the versions of the baskets."""
    return int(
        await connection.fetchval("SELECT COALESCE(SUM(version - 1), 0) FROM basket")
    )
