"""The database: its configuration, connections and migrations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from asyncpg import Connection
from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.migrations.api import migrate

from models.database import sqlite
from models.database.migrate import migrate_open_database
from models.database.outage import (
    CONFLICTS,
    DATABASE_FAILURES,
    REFERENCE_FAILURES,
    DatabaseReadOnly,
    is_unavailable,
)
from models.database.postgres import client
from models.database.postgres.address import parse_address
from models.database.postgres.client import open_pool
from models.database.postgres.connector import Connector
from models.database.postgres.pooler import POOLERS
from models.database.statements import load_statements
from models.database.tortoise_internals import open_for_all_tasks

__all__ = [
    "DATABASE_FAILURES",
    "REFERENCE_FAILURES",
    "SERIALIZATION_FAILURES",
    "is_unavailable",
]

MODULES = [
    "models.division",
    "models.user",
    "models.identity",
    "models.product.tables",
    "models.basket.tables",
    "models.history.tables",
    "models.quotation",
    "models.export.export",
    "models.idempotency",
    "models.audit.tables",
    "models.document",
]


SERIALIZATION_FAILURES = CONFLICTS

IDLE_MILLISECONDS = 60_000
"""PostgreSQL's timeout of an idle transaction: an export's file is published inside one."""
COMMAND_GRACE_SECONDS = 2.0
"""Client-side grace beyond statement_timeout, for a server that hangs."""


class Bounds(NamedTuple):
    """Timeouts of the wait for a free connection and of a statement; 0 seconds are no limit."""

    wait_seconds: float = 5.0
    statement_seconds: float = 10.0
    checks_role: bool = False
    """Whether the role has to have them behind a pooler, which rejects those of a session."""


BOUNDS = Bounds()
"""The bounds where none are given."""


async def keep_session(connection: Connection) -> None:
    """Saves asyncpg's reset, a round trip on every release: no session state is ever left behind.

    A transaction that a cancelled request left open asyncpg rolls back before it calls this.
    """


def create_configuration(
    url: str, pool_size: int = 20, bounds: Bounds = BOUNDS, pooler: str = POOLERS[0]
) -> dict[str, Any]:
    """Returns Tortoise's configuration for a database URL, `sqlite://…` or `postgres://…`.

    Raises AddressRejected for an address of PostgreSQL that cannot be used.
    """
    return {
        "connections": {"default": _engine(url, pool_size, bounds, pooler)},
        "apps": {
            "models": {
                "models": MODULES,
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def _engine(url: str, pool_size: int, bounds: Bounds, pooler: str) -> dict[str, Any]:
    if url.startswith("sqlite:"):
        connection = expand_db_url(url)
        connection["engine"] = sqlite.__name__
        connection["credentials"].setdefault(
            "busy_timeout", round(bounds.wait_seconds * 1_000)
        )
        return dict(connection)
    address = parse_address(url)
    command = (
        bounds.statement_seconds + COMMAND_GRACE_SECONDS
        if bounds.statement_seconds
        else None
    )
    # A pool with no connection of its own accord is made at once, also while PostgreSQL is silent:
    # each connection is then waited for by whoever needs it, and no longer than is allowed.
    credentials = {
        "database": address.database,
        "minsize": 0,
        "maxsize": pool_size,
        "reset": keep_session,
        "connect": Connector(
            address,
            create_session_settings(bounds),
            bounds.wait_seconds,
            pooler,
            checks_role=bounds.checks_role,
        ),
        "server_settings": {},
        "wait_seconds": bounds.wait_seconds,
        "command_timeout": command,
    }
    return {"engine": client.__name__, "credentials": credentials}


def create_session_settings(bounds: Bounds) -> dict[str, str]:
    """Returns the settings of every session on PostgreSQL."""
    return {
        # Just-in-time compilation costs more than the short statements here can win back.
        "jit": "off",
        # Timestamps are read as texts: how the server writes them must not depend on its settings.
        "timezone": "UTC",
        "datestyle": "ISO",
        # Planning takes longer than most of the statements here, and all of them are planned well
        # without values.
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": str(round(bounds.statement_seconds * 1_000)),
        "idle_in_transaction_session_timeout": str(IDLE_MILLISECONDS),
    }


CONFIGURATION = create_configuration("sqlite://:memory:")
"""The configuration of `python -m tortoise makemigrations`; it connects to nothing."""


async def connect(
    url: str, pool_size: int = 20, bounds: Bounds = BOUNDS, pooler: str = POOLERS[0]
) -> None:
    """Opens the connections; every task of the process sees them until `disconnect`."""
    if url.startswith("sqlite://"):
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    settings = create_configuration(url, pool_size, bounds, pooler)
    await open_for_all_tasks(settings)


async def disconnect() -> None:
    """Closes the connections."""
    await Tortoise.close_connections()


def _keep_quiet(line: str) -> None:
    """Says nothing."""


async def migrate_forward(
    url: str,
    say: Callable[[str], None] = _keep_quiet,
    pooler: str = POOLERS[0],
    target: str | None = None,
) -> None:
    """Brings the tables to the newest migration, or to the target.

    Several processes may do it at once: one works, the others wait and find nothing to do. Raises
    what the database raises when it cannot be reached.
    """
    if url.startswith("sqlite:"):
        await _migrate_sqlite(url, target)
        return
    # Rewriting a large table may take longer than any statement of a request. The second connection
    # keeps other processes waiting.
    await connect(url, 2, Bounds(statement_seconds=0), pooler)
    try:
        await migrate_open_database(say, target)
    finally:
        await disconnect()


async def _migrate_sqlite(url: str, target: str | None) -> None:
    Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    try:
        goal = f"models.{target}" if target else None
        await migrate(
            config=create_configuration(url, 1, Bounds(statement_seconds=0)), target=goal
        )
    finally:
        await Tortoise.close_connections()


_IS_READ_ONLY = load_statements(__file__)["is_read_only"]


async def check_answers() -> None:
    """Asks whether the database takes changes; raises its error, or DatabaseReadOnly."""
    row = await _IS_READ_ONLY.one()
    if row[0]:
        error = DatabaseReadOnly("the server of the database is read-only")
        # Replaces the connections, so that the next ones look for a server that takes changes.
        if pool := open_pool():
            pool.notice(error)
        raise error


def has_pooler() -> bool:
    """Whether the open database was found to be behind a pooler."""
    pool = open_pool()
    return pool is not None and pool.connector.is_pooled


class PoolUse(NamedTuple):
    """The connections of this process: open, in use, waited for, and the limit."""

    open: int
    in_use: int
    waiting: int
    limit: int


def pool_use() -> PoolUse | None:
    """Returns how the pool is used; None on SQLite, and before the first statement."""
    pool = open_pool()
    if pool is None:
        return None
    return PoolUse(
        pool.get_size(),
        pool.get_size() - pool.get_idle_size(),
        pool.waiting,
        pool.get_max_size(),
    )
