"""The database: its configuration, connections and migrations."""

from pathlib import Path
from typing import Any

from asyncpg import Connection
from asyncpg.exceptions import InterfaceError, PostgresError, TransactionRollbackError
from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.exceptions import BaseORMException
from tortoise.migrations.api import migrate

from models.statement import Statement

MODULES = [
    "models.division",
    "models.user",
    "models.product",
    "models.basket",
    "models.quotation",
    "models.export",
    "models.idempotency",
]


SERIALIZATION_FAILURES = (TransactionRollbackError,)
"""What PostgreSQL raises to be asked again: a deadlock it broke, or a transaction it could not serialise."""

DATABASE_FAILURES = (PostgresError, InterfaceError, BaseORMException)
"""What is raised when the database cannot be reached or will not answer, besides OSError."""


async def reset_only_if_needed(connection: Connection) -> None:
    """Saves asyncpg's reset, a round trip on every release: no session state is ever left behind.

    The exception is a transaction that a cancelled request left open; asyncpg knows of it without asking the server.
    """
    if connection.is_in_transaction():
        await connection.reset()


def configuration(url: str, pool_size: int = 20) -> dict[str, Any]:
    """Returns Tortoise's configuration for a database URL, `sqlite://…` or `postgres://…`."""
    connection = expand_db_url(url)
    if connection["engine"] == "tortoise.backends.asyncpg":
        # Just-in-time compilation costs more than the short statements here can win back. Moments are read as texts,
        # so how the server writes them must not depend on its configuration.
        session = {"jit": "off", "timezone": "UTC", "datestyle": "ISO"}
        connection["credentials"].update(
            minsize=1, maxsize=pool_size, reset=reset_only_if_needed, server_settings=session
        )
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": MODULES, "default_connection": "default", "migrations": "models.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


CONFIGURATION = configuration("sqlite://:memory:")
"""What `python -m tortoise makemigrations` compares the models with; it connects to nothing."""


async def connect(url: str, pool_size: int = 20) -> None:
    """Opens the connections; every task of the process sees them until `disconnect`."""
    if url.startswith("sqlite://"):
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    await Tortoise.init(config=configuration(url, pool_size), _enable_global_fallback=True)


async def disconnect() -> None:
    """Closes the connections."""
    await Tortoise.close_connections()


async def migrate_forward(url: str) -> None:
    """Brings the tables to the newest migration. Raises what the database raises when it cannot be reached."""
    if url.startswith("sqlite://"):
        Path(url.removeprefix("sqlite://")).parent.mkdir(parents=True, exist_ok=True)
    try:
        await migrate(config=configuration(url, 1))
    finally:
        await Tortoise.close_connections()


_ANSWERS = Statement("SELECT 1")


async def check_answers() -> None:
    """Asks the database for the number one; raises what the database raises when it does not answer."""
    await _ANSWERS.rows()
