"""The health of the open database, as servers and workers tell it."""

import asyncio
import logging

from models.database.connection import DATABASE_FAILURES, check_answers
from models.database.migrate import read_migration_state
from models.database.outage import is_read_only
from models.database.rights import describe_missing_rights

logger = logging.getLogger("basket")

CHECK_SECONDS = 3.0
"""Seconds that a dependency may take to answer before it counts as down."""


async def check_database() -> dict[str, str]:
    """Says whether the database can be written to, and whether its tables fit this release.

    A database that is migrated further serves this release until the newer one is there: a
    rolling upgrade migrates first.
    """
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check_answers()
            state = await read_migration_state()
            missing = await describe_missing_rights()
    except (OSError, TimeoutError, *DATABASE_FAILURES) as error:
        logger.warning("The database does not answer: %s", error)
        return {"database": "read-only" if is_read_only(error) else "unavailable"}
    if state.pending:
        return {"database": "not migrated", "migrations_pending": ", ".join(state.pending)}
    if missing:
        logger.warning("The database cannot be used: %s.", missing)
        return {"database": "not permitted"}
    if state.unknown:
        return {"database": "ok", "migrations_unknown": ", ".join(state.unknown)}
    return {"database": "ok"}
