"""Health: whether the process is up, and whether what it needs answers."""

import asyncio
import logging
from collections.abc import Awaitable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from models.database import DATABASE_FAILURES, check_answers
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
    redis: Redis | None = request.state.redis
    checks = {"database": await _is_up("database", check_answers())}
    if redis is not None:
        checks["redis"] = await _is_up("Redis", redis.ping())
    is_ready = all(checks.values())
    words = {name: "ok" if up else "unavailable" for name, up in checks.items()}
    return json_response({"status": "ok" if is_ready else "unavailable", **words}, 200 if is_ready else 503)


def is_draining(request: Request) -> bool:
    """Tells whether this process was told to stop and serves for a last while; see `web.serving`."""
    return bool(getattr(request.app.state, "is_draining", False))


async def _is_up(name: str, question: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except (OSError, TimeoutError, RedisError, *DATABASE_FAILURES) as error:
        logger.warning("The %s does not answer: %s", name, error)
        return False
    return True
