"""The databases of the tests: SQLite everywhere, PostgreSQL where it answers; in CI it has to."""

import asyncio
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import redis
from tortoise.backends.base.executor import EXECUTOR_CACHE

from models.database.connection import migrate_forward
from tests.support import run_folder
from tests.support.postgres_database import (
    TEST_DATABASE_URL,
    empty_postgres,
    postgres_database,
)
from tests.support.programs import no_service, skip_when_quick

TEST_REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
REDIS_DATABASES = 16
"""How many databases a Redis has unless its configuration says otherwise."""


def sqlite_database(folder: Path) -> str:
    """Makes a new SQLite database with all tables and returns its URL."""
    file = folder / "test.sqlite3"
    file.write_bytes(migrated_file())
    return f"sqlite://{file}"


@cache
def migrated_file() -> bytes:
    """Returns the content of an SQLite file with all tables; runs an event loop the first time."""
    return run_folder.make_once("tables.sqlite3", _migrate).read_bytes()


def _migrate(file: Path) -> None:
    asyncio.run(migrate_forward(f"sqlite://{file}"))


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
    _forget_other_inserts("?" if kind == "sqlite" else "$1")
    if kind == "sqlite":
        yield sqlite_database(folder)
        return
    skip_when_quick("PostgreSQL")
    url = postgres_database()
    if url is None:
        no_service("PostgreSQL", "TEST_DATABASE_URL", TEST_DATABASE_URL)
    empty_postgres(url)
    yield url


def _forget_other_inserts(sign: str) -> None:
    """Forgets the texts of inserts if they have the parameters of another kind of database.

    Tortoise keeps them for the whole process, in the words of the database seen first.
    """
    if any(sign not in insert for _, insert, *_ in EXECUTOR_CACHE.values()):
        EXECUTOR_CACHE.clear()


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
