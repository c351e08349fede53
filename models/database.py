"""The database: its configuration, connections and migrations."""

import socket
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from asyncpg import Connection
from asyncpg.exceptions import (
    IdleInTransactionSessionTimeoutError,
    InsufficientResourcesError,
    InterfaceError,
    OperatorInterventionError,
    PostgresConnectionError,
    PostgresError,
    TransactionRollbackError,
)
from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException
from tortoise.migrations.api import migrate

from models.postgres import BoundedPool, PostgresClient
from models.statement import Statement

MODULES = [
    "models.division",
    "models.user",
    "models.product",
    "models.basket",
    "models.quotation",
    "models.export.export",
    "models.idempotency",
]


SERIALIZATION_FAILURES = (TransactionRollbackError,)
"""What PostgreSQL raises to be asked again: a deadlock it broke, or a transaction it could not serialise."""

DATABASE_FAILURES = (PostgresError, InterfaceError, BaseORMException)
"""What is raised when the database cannot be reached or will not answer, besides OSError."""


_UNAVAILABLE = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    PostgresConnectionError,
    OperatorInterventionError,
    InsufficientResourcesError,
    IdleInTransactionSessionTimeoutError,
    InterfaceError,
    TransactionRollbackError,
)
_SQLITE_UNAVAILABLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
)

IDLE_MILLISECONDS = 60_000
"""How long PostgreSQL lets a transaction do nothing: an export's file is published inside one."""
COMMAND_GRACE_SECONDS = 2.0
"""How much longer than PostgreSQL's own limit a statement is waited for, in case PostgreSQL itself is silent."""


def is_unavailable(error: BaseException) -> bool:
    """Tells whether an error means that the database cannot be used now, and may be usable a moment later."""
    cause: BaseException | None = error
    while cause is not None:
        # What PostgreSQL refuses as an input is an InterfaceError to asyncpg, too, and a ValueError.
        if isinstance(cause, _UNAVAILABLE) and not isinstance(cause, ValueError):
            return True
        # asyncio joins the failures of several addresses into an OSError of no other kind.
        if type(cause) is OSError and cause.filename is None and cause.errno is None:
            return True
        if isinstance(cause, sqlite3.OperationalError):
            return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_UNAVAILABLE
        # Tortoise wraps the errors of SQLite without saying that it does.
        cause = cause.__cause__ or (cause.__context__ if isinstance(cause, BaseORMException) else None)
    return False


class Bounds(NamedTuple):
    """How long a free connection is waited for, and how long one statement may take; 0 seconds are no limit."""

    wait_seconds: float = 5.0
    statement_seconds: float = 10.0


BOUNDS = Bounds()
"""The bounds where none are given."""


async def reset_only_if_needed(connection: Connection) -> None:
    """Saves asyncpg's reset, a round trip on every release: no session state is ever left behind.

    The exception is a transaction that a cancelled request left open; asyncpg knows of it without asking the server.
    """
    if connection.is_in_transaction():
        await connection.reset()


def configuration(url: str, pool_size: int = 20, bounds: Bounds = BOUNDS) -> dict[str, Any]:
    """Returns Tortoise's configuration for a database URL, `sqlite://…` or `postgres://…`."""
    connection = expand_db_url(url)
    if connection["engine"] == "tortoise.backends.sqlite":
        connection["credentials"].setdefault("busy_timeout", round(bounds.wait_seconds * 1_000))
    if connection["engine"] == "tortoise.backends.asyncpg":
        connection["engine"] = PostgresClient.__module__
        # Just-in-time compilation costs more than the short statements here can win back. Moments are read as texts,
        # so how the server writes them must not depend on its configuration.
        session = {
            "jit": "off",
            "timezone": "UTC",
            "datestyle": "ISO",
            # Planning takes longer than most of the statements here, and all of them are planned well without values.
            "plan_cache_mode": "force_generic_plan",
            "statement_timeout": str(round(bounds.statement_seconds * 1_000)),
            "idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS),
        }
        command = bounds.statement_seconds + COMMAND_GRACE_SECONDS if bounds.statement_seconds else None
        # A pool with no connection of its own accord is made at once, also while PostgreSQL is silent: each connection
        # is then waited for by whoever needs it, and no longer than is allowed.
        connection["credentials"].update(
            minsize=0,
            maxsize=pool_size,
            reset=reset_only_if_needed,
            server_settings=session,
            wait_seconds=bounds.wait_seconds,
            timeout=bounds.wait_seconds,
            command_timeout=command,
        )
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": MODULES, "default_connection": "default", "migrations": "models.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


CONFIGURATION = configuration("sqlite://:memory:")
"""What `python -m tortoise makemigrations` compares the models with; it connects to nothing."""


async def connect(url: str, pool_size: int = 20, bounds: Bounds = BOUNDS) -> None:
    """Opens the connections; every task of the process sees them until `disconnect`."""
    if url.startswith("sqlite://"):
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    await Tortoise.init(config=configuration(url, pool_size, bounds), _enable_global_fallback=True)


async def disconnect() -> None:
    """Closes the connections."""
    await Tortoise.close_connections()


async def migrate_forward(url: str) -> None:
    """Brings the tables to the newest migration. Raises what the database raises when it cannot be reached."""
    if url.startswith("sqlite://"):
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    try:
        await migrate(config=configuration(url, 1, Bounds(statement_seconds=0)))
    finally:
        await Tortoise.close_connections()


_ANSWERS = Statement("SELECT 1")


async def check_answers() -> None:
    """Asks the database for the number one; raises what the database raises when it does not answer."""
    await _ANSWERS.rows()


class PoolUse(NamedTuple):
    """The connections of this process: how many are open, how many at work, how many are waited for, and the limit."""

    open: int
    in_use: int
    waiting: int
    limit: int


def pool_use() -> PoolUse | None:
    """Returns how the pool is used; None where there is none: on SQLite, and before the first statement."""
    pool = getattr(get_connection("default"), "_pool", None)
    if not isinstance(pool, BoundedPool):
        return None
    return PoolUse(pool.get_size(), pool.get_size() - pool.get_idle_size(), pool.waiting, pool.get_max_size())
