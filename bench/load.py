"""Loads the data by statements over sets of rows: a million baskets in minutes.

Secondary indexes are created after the rows, and foreign keys are not checked meanwhile: the
numbers of `bench.population` satisfy them. That needs a superuser, as in the default
BENCH_DATABASE_URL; another user waits longer.
"""

import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import asyncpg

from bench.operations import WORKLOADS
from bench.population import COMPANY_USERS, PRODUCTS, STRIDE, Placed
from models.database.connection import migrate_forward

TABLES = (
    "division",
    "product",
    "user_account",
    "token",
    "basket",
    "basket_item",
    "basket_item_division",
    "idempotency_key",
    "quotation",
    "basket_export",
)
# The large baskets would raise the average so far that the planner joins small ones by reading all
# products, which no shop with more products would see.
_ITEMS_PER_BASKET = (
    "ALTER TABLE basket_item ALTER COLUMN basket_id SET (n_distinct = -0.05)"
)
_HAS_DOCUMENTS = "SELECT to_regclass('trusted_document') IS NOT NULL"
_DOCUMENT = """
INSERT INTO trusted_document (name, digest, text, created_at) VALUES ($1, $2, $3, now())
"""
HAS_TOTALS = "SELECT to_regclass('basket_change') IS NOT NULL"
"""Whether baskets have columns of totals, and a history; those of older checkouts have neither."""
TIMESTAMP = "timestamptz '2026-01-02 03:04:05.678901+00'"
"""The time at which all rows were created."""

_INDEXES = """
SELECT c.conname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
    pg_get_constraintdef(c.oid)
FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'
WHERE i.indrelid = $1::regclass AND NOT i.indisprimary"""

# Everything is a function of row numbers, so that no client has to write a million rows.
_PRODUCTS = """
INSERT INTO product (id, remote_id, segment, sku, name, price, currency, variants,
    product_image, in_stock, is_available, refreshed_at)
SELECT p, p, 0, 'BENCH-' || p, 'Ürün ' || p || ', "bench", 18 mm',
    490 + p::bigint * 104729 % 249500, 'try',
    CASE p % 3 WHEN 0 THEN '{{}}'
        ELSE '{{"color":"red","size":"' || (p % 7) || '"}}' END,
    CASE p % 5 WHEN 0 THEN NULL
        ELSE 'https://images.example.com/bench-' || p || '.jpg' END,
    p % 11 <> 0, true, {timestamp}
FROM generate_series(1, {products}) p"""
_COMPANIES = """
INSERT INTO division (id, name, erp_code, type, parent_id, is_active)
SELECT 2 * c + s - 1,
    CASE s WHEN 0 THEN 'Main division ' ELSE 'Sub-division ' END || c,
    CASE s WHEN 0 THEN 'BM' ELSE 'BS' END || c,
    CASE s WHEN 0 THEN 'MAIN' ELSE 'SUB' END,
    CASE s WHEN 0 THEN NULL ELSE 2 * c - 1 END, true
FROM generate_series(1, {companies}) c, generate_series(0, 1) s"""
_USERS = """
INSERT INTO user_account (id, email, first_name, last_name, division_id, is_active)
SELECT {user} + n - 1, '{prefix}-' || n || '@example.invalid', 'Bench', 'Buyer ' || n,
    ({user} + n - 2) / {company} * 2 + 1, true
FROM generate_series(1, {users}) n"""
_TOKENS = """
INSERT INTO token (id, user_id, digest, created_at)
SELECT {user} + n - 1, {user} + n - 1,
    encode(sha256(convert_to('{prefix}-' || n, 'UTF8')), 'hex'), {timestamp}
FROM generate_series(1, {users}) n"""
_BASKETS = """
INSERT INTO basket (id, user_id, segment, status, name, version, created_at, updated_at, saved_at)
SELECT {basket} + b, {user} + b / {baskets}, 0, '{status}',
    CASE '{status}' WHEN 'DRAFT' THEN 'Draft ' || b END, 1, {timestamp}, {timestamp},
    CASE '{status}' WHEN 'DRAFT' THEN {timestamp} + b * interval '1 minute' END
FROM generate_series(0, {count} - 1) b"""
# The products of a basket are neighbours; STRIDE keeps those of two baskets apart.
_ITEMS = """
INSERT INTO basket_item (id, basket_id, product_id, price, currency)
SELECT {item} + b::bigint * {items} + k, {basket} + b, p.id,
    490 + p.id * 104729 % 249500, 'try'
FROM generate_series(0, {count} - 1) b, generate_series(0, {items} - 1) k,
LATERAL (SELECT (({basket} + b)::bigint * {stride} + k) % {products} + 1 AS id) p"""
_DIVISIONS = """
INSERT INTO basket_item_division (id, item_id, division_id, quantity)
SELECT 2 * i.id + s - 1, i.id,
    ({user} + i.index / {items} / {baskets} - 1) / {company} * 2 + 1 + s,
    1 + (i.id + s) % 9
FROM (
    SELECT {item} + n AS id, n AS index
    FROM generate_series(0::bigint, {count}::bigint * {items} - 1) n
) i, generate_series(0, 1) s"""
TOTALS = """
UPDATE basket
SET item_count = sums.item_count, total_quantity = sums.total_quantity,
    total_amount = sums.total_amount, currency = sums.currency
FROM (
    -- Each item has two quantities.
    SELECT i.basket_id, count(*) / 2 AS item_count, sum(q.quantity) AS total_quantity,
        sum(i.price * q.quantity) AS total_amount, min(i.currency) AS currency
    FROM basket_item i
    JOIN basket_item_division q ON q.item_id = i.id
    {condition}
    GROUP BY i.basket_id
) sums
WHERE basket.id = sums.basket_id"""
"""Writes the totals of loaded baskets, all of them or those of a condition."""
_SEQUENCE = """
SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 1)) FROM {table}"""


async def make_database(url: str) -> None:
    """Creates the database of a URL where it is missing, and migrates it to the newest version."""
    name = urlsplit(url).path.removeprefix("/")
    # The name becomes part of a statement.
    if not re.fullmatch(r"\w+", name):
        raise ValueError(
            f"The database {name!r} of BENCH_DATABASE_URL is not a plain name."
        )
    server = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await server.execute(f'CREATE DATABASE "{name}"')
    finally:
        await server.close()
    await migrate_forward(url)


class NotABenchmark(ValueError):
    """Raised when a database holds users that the benchmark did not write; nothing is deleted."""


async def check_ownership(connection: asyncpg.Connection) -> None:
    """Raises NotABenchmark when the database holds users that the benchmark did not write."""
    # The benchmark may be started with the address of a real shop.
    email = await connection.fetchval(
        "SELECT email FROM user_account WHERE email NOT LIKE 'bench%@example.invalid'"
    )
    if email is not None:
        raise NotABenchmark(
            f"The database has the user {email!r}, who is not the benchmark's: it is left alone."
        )


async def load(
    url: str, populations: Sequence[Placed], *, quiet: bool = False
) -> dict[str, int]:
    """Empties the tables, writes the populations and returns the row count of each table.

    Raises NotABenchmark.
    """
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await check_ownership(connection)
        loading = Loading(connection, populations, quiet=quiet)
        await loading.carry_out()
        return {
            table: await connection.fetchval(f"SELECT COUNT(*) FROM {table}")
            for table in TABLES[:7]
        }
    finally:
        await connection.close()


class Loading:
    """Loads the data over one connection."""

    def __init__(
        self, connection: asyncpg.Connection, populations: Sequence[Placed], *, quiet: bool
    ) -> None:
        self.connection = connection
        self.populations = populations
        self.quiet = quiet

    async def carry_out(self) -> None:
        """Writes all rows, then creates the indexes, the statistics and the next ids."""
        await self._prepare()
        await self.connection.execute(
            f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY CASCADE"
        )
        indexes = [
            index for table in TABLES[:7] for index in await self._drop_indexes(table)
        ]
        try:
            await self._write()
        finally:
            for index in indexes:
                await self.connection.execute(index)
        await self.connection.execute(_ITEMS_PER_BASKET)
        for table in TABLES[:7]:
            await self.connection.execute(_SEQUENCE.format(table=table))
            # Without it the first reads of each page would write hint bits.
            await self.connection.execute(f"VACUUM (ANALYZE) {table}")
        self._say("indexes and statistics")

    async def _prepare(self) -> None:
        self.begin = time.monotonic()
        # For the indexes.
        await self.connection.execute("SET maintenance_work_mem = '512MB'")
        try:
            # Foreign keys are checked by triggers, which do not run on a replica.
            await self.connection.execute("SET session_replication_role = replica")
        except asyncpg.InsufficientPrivilegeError:
            self._say("not a superuser: foreign keys are checked row by row")

    async def _drop_indexes(self, table: str) -> list[str]:
        statements = []
        for constraint, name, index, definition in await self.connection.fetch(
            _INDEXES, table
        ):
            drop = (
                # The index of a constraint cannot be dropped without it.
                f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"'
                if constraint
                else f"DROP INDEX {name}"
            )
            await self.connection.execute(drop)
            statements.append(
                f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {definition}'
                if constraint
                else index
            )
        return statements

    async def _write(self) -> None:
        last = self.populations[-1]
        users = last.first_user + last.population.users - 1
        await self._run(_PRODUCTS, "products", products=PRODUCTS, timestamp=TIMESTAMP)
        await self._run(_COMPANIES, "divisions", companies=-(-users // COMPANY_USERS))
        for placed in self.populations:
            for statement in (_USERS, _TOKENS, _BASKETS, _ITEMS, _DIVISIONS):
                await self._run(statement, placed.population.prefix, **_numbers(placed))
        if await self.connection.fetchval(HAS_TOTALS):
            await self._run(TOTALS, "totals", condition="")
        # The tables may be those of an older checkout.
        if await self.connection.fetchval(_HAS_DOCUMENTS):
            await self._store_documents()

    async def _store_documents(self) -> None:
        documents = [
            (each.document_id, each.document_id.removeprefix("sha256:"), each.document)
            for each in WORKLOADS
            if each.has_id
        ]
        await self.connection.execute("DELETE FROM trusted_document")
        await self.connection.executemany(_DOCUMENT, documents)

    async def _run(self, statement: str, subject: str, **numbers: object) -> None:
        await self.connection.execute(statement.format(**numbers), timeout=3_600)
        self._say(subject)

    def _say(self, text: str) -> None:
        if not self.quiet:
            print(f"  {time.monotonic() - self.begin:6.1f} s  {text}", flush=True)


def _numbers(placed: Placed) -> dict[str, object]:
    population = placed.population
    return {
        "prefix": population.prefix,
        "user": placed.first_user,
        "users": population.users,
        "basket": placed.first_basket,
        "baskets": population.baskets,
        "item": placed.first_item,
        # A population without items writes no rows, and its divisor must not be zero.
        "items": population.items or 1,
        "count": placed.basket_count if population.items else 0,
        "status": population.status,
        "company": COMPANY_USERS,
        "products": PRODUCTS,
        "stride": STRIDE,
        "timestamp": TIMESTAMP,
    }
