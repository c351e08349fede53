"""Poolers such as PgBouncer: whether one stands between, and whether it keeps prepared statements.

A pooler hands each connection of ours a process of the server, for a session or for one
transaction. It rejects the settings that it does not track when a session starts, and in
transaction mode, before PgBouncer 1.21, it loses prepared statements that have a name.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from asyncpg import Connection
from asyncpg.exceptions import (
    DuplicatePreparedStatementError,
    InvalidSQLStatementNameError,
    PostgresError,
    ProtocolViolationError,
)

from models.database.postgres.asyncpg_internals import prepare_named

logger = logging.getLogger("basket")

POOLERS = ("auto", "none", "named", "unnamed")
"""The values of DATABASE_POOLER: found out, none, one that keeps statements, one that does not."""
TRACKED = ("application_name", "timezone", "datestyle", "options")
"""The settings that PgBouncer takes at the start of a session."""
ROLE_SETTINGS = (
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "plan_cache_mode",
    "jit",
)
"""The settings that a role must have behind a pooler, because no session can bring them."""

TRIES = 4
"""Connections that try to take the server process that a named statement was prepared in."""
TRY_SECONDS = 2.0

_PROCESS = "SELECT pg_backend_pid()"
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])"


def is_rejected_setting(error: Exception) -> bool:
    """Returns whether a pooler has rejected a setting at the start of a session."""
    return isinstance(error, ProtocolViolationError) and "startup parameter" in str(error)


def is_lost_statement(error: BaseException) -> bool:
    """Returns whether a prepared statement was lost, or met another one, behind a pooler."""
    lost = (InvalidSQLStatementNameError, DuplicatePreparedStatementError)
    return isinstance(error, lost) or isinstance(error.__cause__, lost)


async def keeps_statements(connect: Callable[[], Awaitable[Connection]]) -> bool:
    """Returns whether a statement can be prepared by one server process and used by another.

    It prepares one, takes the process that it was prepared in away by transactions of other
    connections, and uses it again. A process that nobody can take away belongs to the session.
    """
    try:
        async with asyncio.timeout(TRY_SECONDS):
            return await _try_statement(connect)
    except TimeoutError:
        # Every process of the server is taken; names may be kept, or not.
        return False


async def _try_statement(connect: Callable[[], Awaitable[Connection]]) -> bool:
    async with AsyncExitStack() as connections:

        async def open_connection() -> Connection:
            connection = await connect()
            connections.callback(connection.terminate)
            return connection

        ours = await open_connection()
        name = f"basket_{secrets.token_hex(8)}"
        try:
            statement = await prepare_named(ours, _PROCESS, name)
            first = await statement.fetchval()
            for _ in range(TRIES):
                other = await open_connection()
                # An open transaction keeps its process of the server for itself.
                await other.execute("BEGIN")
                if await statement.fetchval() != first:
                    return True
        except PostgresError:
            return False
        return True


def write_role_statements(role: str, wanted: dict[str, str]) -> list[str]:
    """Returns the SQL that gives a role the settings that no session can bring behind a pooler."""
    quoted = '"' + role.replace('"', '""') + '"'
    return [f"ALTER ROLE {quoted} SET {name} = '{wanted[name]}';" for name in ROLE_SETTINGS]


async def warn_of_role(connection: Connection, role: str, wanted: dict[str, str]) -> None:
    """Logs the settings that the role lacks, with the SQL that gives them to it."""
    rows = await connection.fetch(_SETTINGS, list(ROLE_SETTINGS))
    found = {row[0]: row[1] for row in rows}
    lacking = [name for name in ROLE_SETTINGS if found.get(name) != wanted[name]]
    if lacking:
        lines = [
            line
            for line in write_role_statements(role, wanted)
            if line.split()[4] in lacking
        ]
        logger.warning(
            "A pooler stands before PostgreSQL, and the role lacks settings: %s",
            " ".join(lines),
        )
