"""Health: whether the process is up, and whether what it needs answers."""

import asyncio
import logging
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response

from models.database import DATABASE_FAILURES, check_answers
from tasks.redis.check import RedisCheck
from web.json_response import json_response

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
    words = {"database": await _database_word()}
    redis: RedisCheck | None = request.state.redis
    if redis is not None:
        words["redis"] = await _redis_word(redis)
    is_ready = all(word == "ok" for word in words.values())
    status = "ok" if is_ready else "unavailable"
    return json_response({"status": status, **words}, 200 if is_ready else 503)


def is_draining(request: Request) -> bool:
    """Tells whether this process was told to stop and serves for a last while; see `commands.serving`."""
    return bool(getattr(request.app.state, "is_draining", False))


async def _database_word() -> str:
    is_up = await _is_up("database", check_answers())
    return "ok" if is_up else "unavailable"


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


async def _is_up(name: str, question: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except (OSError, TimeoutError, *DATABASE_FAILURES) as error:
        logger.warning("The %s does not answer: %s", name, error)
        return False
    return True
