"""The PostgreSQL database of this process: a copy of one that is migrated once per run."""

import asyncio
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from models.database.connection import migrate_forward
from tests.support import run_folder

TEST_DATABASE_URL = os.environ.get(
    "TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)

_SMALL_BYTES = 200_000
_TABLES = """
SELECT relname::text, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'tortoise_migrations'
"""
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


def _name() -> str:
    return f"basket_test_{os.getpid()}"


def _template() -> str:
    return run_folder.path().name


@cache
def postgres_database() -> str | None:
    """Makes the database of this process, once, and returns its URL; None when no server answers."""
    try:
        run_folder.make_once("postgres", _make_template)
        asyncio.run(_create(_name(), f"TEMPLATE {_template()}"))
    except OSError:
        return None
    return _url(_name())


def _url(name: str) -> str:
    return urlsplit(TEST_DATABASE_URL)._replace(path=f"/{name}").geturl()


def _make_template(mark: Path) -> None:
    asyncio.run(_create(_template()))
    asyncio.run(migrate_forward(_url(_template())))
    mark.touch()


async def _create(name: str, options: str = "") -> None:
    server = await asyncpg.connect(TEST_DATABASE_URL, timeout=60)
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {name}")
        await server.execute(f"CREATE DATABASE {name} {options}")
    finally:
        await server.close()


def drop_postgres_database() -> None:
    """Removes the database of this process, if it was made."""
    if postgres_database.cache_info().currsize and postgres_database():
        _emptying.close()
        asyncio.run(_drop(_name()))


def drop_template() -> None:
    """Removes the database that those of the processes are copies of, if it was made."""
    if (run_folder.path() / "postgres").exists():
        asyncio.run(_drop(_template()))


async def _drop(name: str) -> None:
    server = await asyncpg.connect(TEST_DATABASE_URL)
    await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await server.close()


class _Emptying:
    """A connection that stays open and empties the database before each test.

    Opening one each time would cost more than emptying does.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: asyncpg.Connection | None = None

    def run(self, url: str) -> None:
        """Deletes all rows; by a new connection when a test has ended the last one."""
        self._loop = self._loop or asyncio.new_event_loop()
        try:
            self._loop.run_until_complete(self._empty(url))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection = None
            self._loop.run_until_complete(self._empty(url))

    async def _empty(self, url: str) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(url)
        await _empty(self._connection)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._loop is None:
            return
        if self._connection is not None:
            self._connection.terminate()
            # The transport closes in the next turn.
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


_emptying = _Emptying()


def empty_postgres(url: str) -> None:
    """Deletes all rows of the database of this process."""
    _emptying.run(url)


async def _empty(connection: asyncpg.Connection) -> None:
    sizes = dict(await connection.fetch(_TABLES))
    if max(sizes.values()) < _SMALL_BYTES and await connection.fetchval(_IS_SUPERUSER):
        await _delete_all(connection, sizes)
    else:
        await connection.execute(f"TRUNCATE {', '.join(sizes)} RESTART IDENTITY CASCADE")


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
