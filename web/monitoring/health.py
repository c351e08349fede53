"""Health: whether the process is up, and whether its database and its Redis answer."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response

from models.database.connection import DATABASE_FAILURES
from models.database.health import CHECK_SECONDS, check_database
from tasks.exports.marker import NOT_MOUNTED, is_mounted
from tasks.exports.store import ExportStore
from tasks.redis.check import RedisCheck
from web.http.json_response import json_response

logger = logging.getLogger("basket")


async def healthz(request: Request) -> Response:
    """Says that the process is up, or that it was told to stop; asks no dependency."""
    return json_response({"status": "draining" if is_draining(request) else "ok"})


async def readyz(request: Request) -> Response:
    """Says whether the database, and Redis if configured, answer: 200, or 503 naming the failed.

    A server that was told to stop still serves, but says 503: a proxy is to send no more to it.
    """
    if is_draining(request):
        return json_response({"status": "draining"}, 503)
    words = await check_database()
    redis: RedisCheck | None = request.state.redis
    if redis is not None:
        words["redis"] = await _check_redis(redis)
    words |= await _check_exports(request.state.export_store)
    # Migrations of a newer release are named, and do not make a server unready.
    is_ready = all(words[name] == "ok" for name in ("database", "redis") if name in words)
    status = "ok" if is_ready else "unavailable"
    return json_response({"status": status, **words}, 200 if is_ready else 503)


def is_draining(request: Request) -> bool:
    """Whether this process was told to stop and serves only DRAIN_SECONDS longer."""
    return bool(getattr(request.app.state, "is_draining", False))


async def _check_exports(store: ExportStore) -> dict[str, str]:
    """Says when the export folder is not mounted; baskets are served without it."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return {} if await is_mounted(store) else {"exports": NOT_MOUNTED}
    except (OSError, TimeoutError, *DATABASE_FAILURES) as error:
        # A folder that cannot be checked is no reason to take the server out of service.
        logger.warning("The export folder cannot be checked: %s", error)
        return {}


async def _check_redis(redis: RedisCheck) -> str:
    """Returns a word for the state of Redis, which may answer a ping and still accept nothing."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            fault = await asyncio.to_thread(redis.fault)
    except TimeoutError:
        return "unavailable"
    if fault is None:
        return "ok"
    logger.warning("Redis cannot be used: %s", fault.reason)
    return fault.word
