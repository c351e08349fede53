"""Running a command on the database, and the commands that prepare its tables."""

import argparse
import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

import logs
import settings
from commands.administration import AdministrationRejected
from commands.operator import current_operator
from commands.output import show, to_json
from commands.status import FAILED, REJECTED
from models.database.connection import (
    DATABASE_FAILURES,
    Bounds,
    check_answers,
    connect,
    create_session_settings,
    disconnect,
    has_pooler,
    migrate_forward,
)
from models.database.fault import explain_failure
from models.database.migrate import MigrationState, read_migration_state
from models.database.postgres.address import parse_address
from models.database.postgres.pooler import write_role_statements
from models.demo import DEMO_TOKENS, write_demo
from tasks.database_address import database_problems


def on_database(
    command: Callable[[argparse.Namespace], Awaitable[None]],
) -> Callable[[argparse.Namespace], int]:
    """Decorates a coroutine function: a command on the open database with an exit status."""

    @functools.wraps(command)
    def run(arguments: argparse.Namespace) -> int:
        return run_on_database(lambda: command(arguments))

    return run


def run_on_database(action: Callable[[], Awaitable[None]]) -> int:
    """Runs an action on the open database, reports its failure, and returns the exit status."""
    if reasons := database_problems():
        return _report("\n".join(reasons), FAILED)
    try:
        asyncio.run(_connected(action))
    except AdministrationRejected as rejection:
        return _report(str(rejection), REJECTED)
    except (OSError, sqlite3.Error, *DATABASE_FAILURES) as failure:
        return _report(explain_failure(failure, settings.DATABASE_URL), FAILED)
    return 0


def _report(message: str, status: int) -> int:
    logs.report(message)
    return status


async def _connected(action: Callable[[], Awaitable[None]]) -> None:
    async with _connection(settings.DATABASE_URL):
        await action()


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[None]:
    """Opens a database that answers; raises the errors of one that does not."""
    await connect(url, 1, pooler=settings.DATABASE_POOLER)
    try:
        # Tortoise's migrations wait without end for a file that is no SQLite; a query fails.
        await check_answers()
        yield
    finally:
        await disconnect()


def migrate(arguments: argparse.Namespace) -> int:
    """Brings the tables up to date, or returns by the exit status whether they are."""
    url = settings.MIGRATION_ADDRESS
    if reasons := database_problems():
        return _report("\n".join(reasons), FAILED)
    setting = (
        "MIGRATION_DATABASE_URL" if settings.MIGRATION_DATABASE_URL else "DATABASE_URL"
    )
    check_or_migrate = _check_tables if arguments.check else _migrate
    try:
        return asyncio.run(check_or_migrate(url, arguments))
    except (OSError, sqlite3.Error, *DATABASE_FAILURES) as failure:
        return _report(explain_failure(failure, url, setting), FAILED)


async def _migrate(url: str, arguments: argparse.Namespace) -> int:
    # This fails at once for a file that Tortoise's migrations would wait for without end.
    await _read_state(url)
    # With --json the steps are not said: standard output is one document.
    say = _say_nothing if arguments.has_json else logs.announce
    await migrate_forward(url, say, settings.DATABASE_POOLER, arguments.to)
    async with _connection(url):
        state = await read_migration_state()
        is_pooled = has_pooler()
    target = arguments.to
    text = (
        "The tables are up to date." if target is None else f"The tables are at {target}."
    )
    _announce(arguments, state, [text, *role_settings(is_pooled=is_pooled)])
    return 0


def _say_nothing(line: str) -> None:
    """Says nothing."""


async def _check_tables(url: str, arguments: argparse.Namespace) -> int:
    state = await _read_state(url)
    difference = state.describe()
    _announce(arguments, state, [f"The database {difference or 'is up to date'}."])
    return FAILED if difference else 0


def _announce(
    arguments: argparse.Namespace, state: MigrationState, lines: Iterable[str]
) -> None:
    if arguments.has_json:
        print(to_json(state._asdict()))
    else:
        for line in lines:
            logs.announce(line)


async def _read_state(url: str) -> MigrationState:
    async with _connection(url):
        return await read_migration_state()


def role_settings(*, is_pooled: bool) -> list[str]:
    """Returns the SQL for the role of the servers where a pooler prevents settings of sessions.

    That is so if one was found, and may be so if the migration has an address of its own.
    """
    is_apart = settings.MIGRATION_ADDRESS != settings.DATABASE_URL
    if settings.DATABASE_URL.startswith("sqlite:") or not (is_pooled or is_apart):
        return []
    bounds = Bounds(
        settings.DATABASE_POOL_WAIT_SECONDS, settings.DATABASE_STATEMENT_TIMEOUT_SECONDS
    )
    role = parse_address(settings.DATABASE_URL).user
    return [
        "Behind a pooler, the role of the servers needs these settings:",
        *write_role_statements(role, create_session_settings(bounds)),
    ]


@on_database
async def demo(arguments: argparse.Namespace) -> None:
    """Writes the demo divisions and users."""
    if not settings.EMBEDDED:
        raise AdministrationRejected(
            "The demo has users with well-known tokens; it is for the embedded server only."
        )
    await write_demo(current_operator())
    text = (
        f"Wrote the demo divisions and users; their tokens are {' and '.join(DEMO_TOKENS)}."
    )
    show(arguments, {"tokens": DEMO_TOKENS}, text)
