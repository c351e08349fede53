"""The command that serves: checks, the port and migrations, and then the application.

The application takes most of the time of a start to import, so it is loaded only when no setting
is rejected, the database answers and the port is free.
"""

import argparse
import asyncio
import logging

import logs
import settings
from commands.database import run_on_database
from commands.operator import current_operator
from commands.port import bind_socket
from commands.status import FAILED
from commands.stopping import exit_on_signals
from models.database.connection import (
    DATABASE_FAILURES,
    check_answers,
    connect,
    disconnect,
    migrate_forward,
)
from models.database.fault import explain_failure
from models.demo import write_demo
from settings.names import unknown_names
from settings.startup_error import StartupError
from tasks.exports.store import open_store
from web.lifecycle.checks import check_people
from web.lifecycle.memory import import_to_stay

logger = logging.getLogger("basket")


async def prepare_database() -> None:
    """Migrates, and writes the demo when embedded; raises StartupError for demo users elsewhere."""
    await migrate_forward(
        settings.MIGRATION_ADDRESS, logs.announce, settings.DATABASE_POOLER
    )
    await connect(settings.DATABASE_URL, 1, pooler=settings.DATABASE_POOLER)
    try:
        if settings.EMBEDDED:
            await write_demo(current_operator())
        else:
            await check_people(settings.DATABASE_URL)
    finally:
        await disconnect()


def serve(arguments: argparse.Namespace) -> int:
    """Migrates and serves until a signal stops the server; returns the exit status."""
    # Uvicorn raises the signal again after its shutdown, and the process would die of it.
    exit_on_signals()
    return run_on_database(check_answers) or migrate_and_serve()


def migrate_and_serve() -> int:
    """Serves until the process is told to stop, and returns the exit status."""
    try:
        export_store = open_store(
            settings.EXPORT_URL,
            shared=bool(settings.REDIS_URL),
            presigned=settings.EXPORT_PRESIGNED,
            guarded=not settings.EMBEDDED,
        )
        # Both before the migration, so that a start that cannot serve changes no table.
        listener = bind_socket()
        process = import_to_stay("commands.listening")
        asyncio.run(prepare_database())
    except StartupError as reason:
        logs.report(str(reason))
        return FAILED
    except (OSError, *DATABASE_FAILURES) as failure:
        logs.report(explain_failure(failure, settings.DATABASE_URL))
        return FAILED
    # Only now, so that a start that fails says nothing but why.
    for warning in unknown_names():
        logger.warning(warning)
    status: int = process.run_server(listener, export_store)
    return status
