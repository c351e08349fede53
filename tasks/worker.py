"""The worker process: importing this module sets it up, which only `dramatiq tasks` does."""

import asyncio
import logging
import socket
import sys
import time
from datetime import timedelta
from typing import NoReturn

import dramatiq
from dramatiq import Broker, Middleware, Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO

import logs
import settings
from models.database.connection import DATABASE_FAILURES, Bounds, connect, disconnect
from models.database.migrate import log_migrations
from settings.checks import Use, problems
from settings.scratch import use_scratch
from tasks.addresses import address_problems
from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.exports.actor import declare_export
from tasks.exports.metrics import DEAD_LETTERS
from tasks.exports.store import open_store
from tasks.exports.store_url import StoreRejected
from tasks.redis.check import RedisCheck, RedisRejected
from tasks.redis.connection import RedisServer
from tasks.redis.server import find_redis_server
from tasks.worker_monitor import Monitor, MonitorRejected, listen

logger = logging.getLogger("basket")

FAILED = 1
"""The exit status of a worker that may not start."""
REDIS_SECONDS = 10.0
"""Timeout of one answer of Redis, in seconds."""
RETRY_SECONDS = 1.0
"""Seconds between two attempts to reach the database at the start."""


class Database(Middleware):
    """Keeps the database open on the event loop that all actors of the process share."""

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Prepares the connections; the first is made when it is needed, so a database may come up later."""
        loop = get_event_loop_thread()
        bounds = Bounds(
            settings.DATABASE_POOL_WAIT_SECONDS, settings.DATABASE_STATEMENT_TIMEOUT_SECONDS
        )
        if loop is not None:
            loop.run_coroutine(
                connect(
                    settings.DATABASE_URL,
                    settings.DATABASE_POOL_SIZE,
                    bounds,
                    settings.DATABASE_POOLER,
                )
            )

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Closes the connections."""
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(disconnect())


async def read_redis_server() -> RedisServer | None:
    """Returns the Redis of this installation, whose name stands in the database."""
    await connect(settings.DATABASE_URL, 1, pooler=settings.DATABASE_POOLER)
    try:
        await log_migrations()
        return await find_redis_server(settings.REDIS_URL, settings.REDIS_PREFIX)
    finally:
        await disconnect()


def wait_for_redis_server() -> RedisServer | None:
    """Returns the Redis of this installation as soon as the database answers; ends the process when it is unusable."""
    is_logged = False
    while True:
        try:
            return asyncio.run(read_redis_server())
        except RedisRejected as reason:
            end_process([str(reason)])
        except (OSError, *DATABASE_FAILURES) as error:
            if not is_logged:
                logger.warning("The database does not answer; waiting for it: %s", error)
            is_logged = True
            time.sleep(RETRY_SECONDS)


def listening_socket() -> socket.socket:
    """Returns the socket of the worker's health and metrics; ends the process when there can be none."""
    try:
        return listen()
    except MonitorRejected as reason:
        end_process([str(reason)])


def worker_problems() -> list[str]:
    """Returns why a worker may not start on these settings; one line for each reason."""
    found = problems(Use.WORKER) + address_problems()
    if not settings.REDIS_URL and "REDIS_URL" not in settings.READER.problems:
        found.append(
            "Set REDIS_URL: without Redis there is nothing a worker process could wait for."
        )
    return found


def end_process(reasons: list[str]) -> NoReturn:
    """Ends the process, which cannot work, with one line for each reason."""
    for reason in reasons:
        logs.report(reason)
    sys.exit(FAILED)


def set_up() -> None:
    """Makes the broker that `dramatiq` asks for, and declares the actors on it."""
    logs.set_up()
    if found := worker_problems():
        end_process(found)
    use_scratch()
    try:
        store = open_store(settings.EXPORT_URL, shared=True)
    except StoreRejected as reason:
        end_process([str(reason)])
    attempts = Attempts()
    redis = wait_for_redis_server()
    middleware: list[Middleware] = [AsyncIO(), Database(), attempts]
    if settings.WORKER_PORT and redis is not None:
        middleware.append(Monitor(listening_socket(), RedisCheck(redis), store))
    broker = create_broker(redis, timeout=REDIS_SECONDS, middleware=middleware)
    dramatiq.set_broker(broker)
    DEAD_LETTERS.watch(broker)
    kept = timedelta(seconds=settings.EXPORT_KEPT_SECONDS)
    declare_export(broker, attempts, store, kept)


set_up()
