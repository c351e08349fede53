"""The databases of the tests: SQLite everywhere, PostgreSQL where it answers; in CI it has to."""

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import redis
from tortoise.backends.base.executor import EXECUTOR_CACHE

from models.database.connection import migrate_forward
from tests.support.programs import no_service, skip_when_quick

TEST_DATABASE_URL = os.environ.get(
    "TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)
TEST_REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
REDIS_DATABASES = 16
"""How many databases a Redis has unless its configuration says otherwise."""

_SMALL_BYTES = 200_000
_TABLES = """
SELECT tablename, pg_relation_size(tablename::regclass) FROM pg_tables
WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations'
"""
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


def sqlite_database(folder: Path) -> str:
    """Makes a new SQLite database with all tables and returns its URL."""
    file = folder / "test.sqlite3"
    file.write_bytes(migrated_file())
    return f"sqlite://{file}"


@cache
def migrated_file() -> bytes:
    """Returns the content of an SQLite file with all tables; runs an event loop the first time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.sqlite3"
        asyncio.run(migrate_forward(f"sqlite://{file}"))
        return file.read_bytes()


@cache
def postgres_database() -> str | None:
    """Makes the PostgreSQL test database of this run, once, and returns its URL; None when no server answers."""
    try:
        return asyncio.run(_new_database())
    except OSError:
        return None


async def _new_database() -> str:
    name = f"basket_test_{os.getpid()}"
    server = await asyncpg.connect(TEST_DATABASE_URL, timeout=60)
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {name}")
        await server.execute(f"CREATE DATABASE {name}")
    finally:
        await server.close()
    url = urlsplit(TEST_DATABASE_URL)._replace(path=f"/{name}").geturl()
    await migrate_forward(url)
    return url


def drop_postgres_database() -> None:
    """Removes the test database of this run, if it was made."""
    if postgres_database.cache_info().currsize and postgres_database():
        asyncio.run(_drop())


async def _drop() -> None:
    server = await asyncpg.connect(TEST_DATABASE_URL)
    await server.execute(f"DROP DATABASE IF EXISTS basket_test_{os.getpid()} WITH (FORCE)")
    await server.close()


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        sizes = {row[0]: row[1] for row in await connection.fetch(_TABLES)}
        if max(sizes.values()) < _SMALL_BYTES and await connection.fetchval(_IS_SUPERUSER):
            await _delete_all(connection, sizes)
        else:
            await connection.execute(
                f"TRUNCATE {', '.join(sizes)} RESTART IDENTITY CASCADE"
            )
    finally:
        await connection.close()


async def _delete_all(connection: asyncpg.Connection, tables: Iterable[str]) -> None:
    """Empties small tables in a tenth of the time that TRUNCATE takes."""
    deletions = [f"DELETE FROM {table}" for table in tables]
    restarts = [
        f"SELECT setval('{row[0]}', 1, false)"
        for row in await connection.fetch(_SEQUENCES)
        if row[0] != "tortoise_migrations_id_seq"
    ]
    async with connection.transaction():
        # Without the checks of foreign keys, so that the order of the tables does not matter.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("; ".join([*deletions, *restarts]))


async def waits_for_lock(url: str) -> bool:
    """Returns whether a statement in a database of PostgreSQL waits for a lock."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    finally:
        await connection.close()
    return bool(found)


def databases(kind: str, folder: Path) -> Iterator[str]:
    """Yields the URL of an empty database of a kind."""
    # Tortoise keeps the text of its inserts for the whole process, in the words of the database seen first.
    EXECUTOR_CACHE.clear()
    if kind == "sqlite":
        yield sqlite_database(folder)
        return
    skip_when_quick("PostgreSQL")
    url = postgres_database()
    if url is None:
        no_service("PostgreSQL", "TEST_DATABASE_URL", TEST_DATABASE_URL)
    asyncio.run(_empty(url))
    yield url


def empty_redis() -> str:
    """Empties the Redis database of this process and returns its URL; each worker of pytest-xdist has its own."""
    skip_when_quick("Redis")
    given = urlsplit(TEST_REDIS_URL)
    last = int(given.path.lstrip("/") or 0)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = given._replace(path=f"/{(last - worker) % REDIS_DATABASES}").geturl()
    try:
        with redis.Redis.from_url(url) as client:
            client.flushdb()
    except (redis.RedisError, OSError):
        no_service("Redis", "TEST_REDIS_URL", TEST_REDIS_URL)
    return url
