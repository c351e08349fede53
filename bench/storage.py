"""The storage per addition: the bytes that history and idempotency keys take, with their indexes.

Additions of one unit, each with a fresh key, are sent until there are enough. The tables are empty
before, so what they take afterwards is divided by their rows. `basket` and the rows of items take
no more than before once PostgreSQL has reused the old versions of their rows.
"""

import argparse
import asyncio

import asyncpg

from bench.backends import pin_backends
from bench.checkouts import Checkout, checkouts_of, prepare_checkout
from bench.operations import BESIDE, OURS, WORKLOADS
from bench.population import Placed
from bench.reset import reset
from bench.run import prepare
from bench.servers import Server, all_running
from bench.wrk import put_load

TABLES = ("basket_change", "idempotency_key")
# `pg_table_size` counts the values that are stored outside of the rows, too.
_SIZES = """
SELECT pg_table_size($1::regclass) AS rows, pg_indexes_size($1::regclass) AS indexes,
    (SELECT count(*) FROM {table}) AS count"""
(_ADD,) = [workload for workload in WORKLOADS if workload.name == "W2K"]


async def measure_storage(arguments: argparse.Namespace) -> None:
    """Sends additions to ours, and to another checkout, and prints the bytes of each."""
    url, beside = arguments.database, None
    populations = await prepare(url)
    kinds = [OURS, BESIDE] if arguments.beside else [OURS]
    if arguments.beside:
        beside = await prepare_checkout(arguments.beside, url, populations)
    checkouts = checkouts_of(kinds, url, beside)
    with all_running(checkouts) as servers:
        for kind, checkout in checkouts.items():
            lines = await storage_of(
                servers[kind], checkout, populations, arguments.additions
            )
            print("\n".join(lines), flush=True)


async def storage_of(
    server: Server, checkout: Checkout, populations: list[Placed], additions: int
) -> list[str]:
    """Sends at least this number of additions; returns a line per table."""
    connection = await asyncpg.connect(checkout.url)
    try:
        await reset(connection, populations)
        await pin_backends(connection)
        sent = 0
        while sent < additions:
            calls, shape = _ADD.calls(populations), _ADD.shape(server.kind)
            sent += put_load(server.port, shape, calls, 1).requests
        # wrk ends while requests are still being answered.
        await asyncio.sleep(0.2)
        return [
            f"{server.kind:<8}{await _describe(connection, table)}"
            for table in TABLES
            if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table)
        ]
    finally:
        await connection.close()


async def _describe(connection: asyncpg.Connection, table: str) -> str:
    rows, indexes, count = await connection.fetchrow(_SIZES.format(table=table), table)
    if not count:
        return f"{table}: no rows"
    return (
        f"{table}: {(rows + indexes) / count:,.0f} bytes per addition, "
        f"{rows / count:,.0f} of the row and {indexes / count:,.0f} of indexes "
        f"({count:,} additions)"
    )
