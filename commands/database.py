"""Running a command on the database, and the commands that prepare its tables."""

import argparse
import asyncio
import functools
import sqlite3
from collections.abc import Awaitable, Callable

import logs
import settings
from commands.status import FAILED, REJECTED
from models.administration import AdministrationRefused
from models.database import DATABASE_FAILURES, check_answers, connect, disconnect, migrate_forward
from models.demo import DEMO_TOKENS, write_demo
from web.database_fault import fault


def on_database(command: Callable[[argparse.Namespace], Awaitable[None]]) -> Callable[[argparse.Namespace], int]:
    """Makes a coroutine function a command that runs on the open database and returns an exit status."""

    @functools.wraps(command)
    def run(given: argparse.Namespace) -> int:
        return run_on_database(lambda: command(given))

    return run


def run_on_database(action: Callable[[], Awaitable[None]]) -> int:
    """Runs an action on the open database; says in one line why it cannot, and returns the exit status."""
    try:
        asyncio.run(_connected(action))
    except AdministrationRefused as rejection:
        return _complain(str(rejection), REJECTED)
    except (OSError, sqlite3.Error, *DATABASE_FAILURES) as failure:
        return _complain(fault(failure), FAILED)
    return 0


def _complain(message: str, status: int) -> int:
    logs.report(message)
    return status


async def _connected(action: Callable[[], Awaitable[None]]) -> None:
    await connect(settings.DATABASE_URL, pool_size=1)
    try:
        # Tortoise's migrations wait for ever for a SQLite file that is none; a question to it fails at once.
        await check_answers()
        await action()
    finally:
        await disconnect()


@on_database
async def migrate(given: argparse.Namespace) -> None:
    """Brings the tables up to date."""
    await disconnect()
    await migrate_forward(settings.DATABASE_URL)
    logs.announce("The tables are up to date.")


@on_database
async def demo(given: argparse.Namespace) -> None:
    """Writes the demo divisions and users."""
    if not settings.EMBEDDED:
        raise AdministrationRefused("The demo has users with well-known tokens; it is for the embedded server only.")
    await write_demo()
    print(f"Wrote the demo divisions and users; their tokens are {' and '.join(DEMO_TOKENS)}.")
