"""Health: whether the process is up, and whether what it needs answers."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response

from models.database.connection import DATABASE_FAILURES, check_answers
from models.database.migrate import migration_state
from models.database.outage import is_read_only
from tasks.redis.check import RedisCheck
from web.http.json_response import json_response

logger = logging.getLogger("basket")

PATIENCE_SECONDS = 3.0
"""How long a dependency may take to answer before it counts as down."""


async def healthz(request: Request) -> Response:
    """Says that the process is up, and in a word whether it was told to stop; asks nothing of anyone else."""
    return json_response({"status": "draining" if is_draining(request) else "ok"})


async def readyz(request: Request) -> Response:
    """Says whether the database, and Redis when it is configured, answer: 200, or 503 naming what does not.

    A server that was told to stop is not ready either, although it still serves: a proxy is to send no more to it.
    """
    if is_draining(request):
        return json_response({"status": "draining"}, 503)
    words = await _database_words()
    redis: RedisCheck | None = request.state.redis
    if redis is not None:
        words["redis"] = await _redis_word(redis)
    is_ready = all(words[name] == "ok" for name in ("database", "redis") if name in words)
    status = "ok" if is_ready else "unavailable"
    return json_response({"status": status, **words}, 200 if is_ready else 503)


def is_draining(request: Request) -> bool:
    """Tells whether this process was told to stop and serves for a last while; see `commands.serving`."""
    return bool(getattr(request.app.state, "is_draining", False))


async def _database_words() -> dict[str, str]:
    """Says whether the database can be written to, and whether its tables are those of this release.

    A database that is migrated further serves this release until the newer one is there: a rolling
    upgrade migrates first.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check_answers()
            state = await migration_state()
    except (OSError, TimeoutError, *DATABASE_FAILURES) as error:
        logger.warning("The database does not answer: %s", error)
        return {"database": "read-only" if is_read_only(error) else "unavailable"}
    if state.pending:
        return {"database": "not migrated", "migrations_pending": ", ".join(state.pending)}
    if state.unknown:
        return {"database": "ok", "migrations_unknown": ", ".join(state.unknown)}
    return {"database": "ok"}


async def _redis_word(redis: RedisCheck) -> str:
    """Says in a word why Redis cannot be used: it may answer a ping and still accept nothing."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            fault = await asyncio.to_thread(redis.fault)
    except TimeoutError:
        return "unavailable"
    if fault is None:
        return "ok"
    logger.warning("Redis cannot be used: %s", fault.reason)
    return fault.word
