"""The databases of the tests: SQLite everywhere, PostgreSQL where it answers; in CI it has to."""

import asyncio
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE

from models.database import migrate_forward

TEST_DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
TEST_REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
IN_CI = os.environ.get("CI") == "true"

TABLES = (
    "basket_export, idempotency_key, quotation, basket_item_division, basket_item, basket, product, token, "
    "user_account, division"
)


def unreachable(what: str) -> None:
    """Skips at home and fails in CI."""
    message = f"{what} does not answer; set TEST_DATABASE_URL or TEST_REDIS_URL to another one."
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


def sqlite_database(folder: Path) -> str:
    """Makes a new SQLite database with all tables and returns its URL."""
    url = f"sqlite://{folder / 'test.sqlite3'}"
    asyncio.run(migrate_forward(url))
    return url


@cache
def postgres_database() -> str | None:
    """Makes the PostgreSQL test database of this run, once, and returns its URL; None when no server answers."""
    try:
        return asyncio.run(_new_database())
    except OSError:
        return None


async def _new_database() -> str:
    name = f"basket_test_{os.getpid()}"
    server = await asyncpg.connect(TEST_DATABASE_URL, timeout=5)
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
    await connection.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    await connection.close()


def databases(kind: str, folder: Path) -> Iterator[str]:
    """Yields the URL of an empty database of a kind."""
    # Tortoise keeps the text of its inserts for the whole process, in the words of the database seen first.
    EXECUTOR_CACHE.clear()
    if kind == "sqlite":
        yield sqlite_database(folder)
        return
    url = postgres_database()
    if url is None:
        unreachable("PostgreSQL")
    else:
        asyncio.run(_empty(url))
        yield url
