"""The worker process: importing this module sets it up, which only `dramatiq tasks` does."""

import asyncio
import logging
import sys
import time
from contextlib import suppress
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
from models.database.rights import describe_missing_rights
from settings.checks import Use, find_problems
from settings.options import LogOptions
from settings.scratch import use_scratch
from settings.startup_error import StartupError
from settings.startup_report import claim_report
from tasks.addresses import address_problems
from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.exports.actor import declare_export
from tasks.exports.marker import is_mounted, log_missing_marker
from tasks.exports.metrics import DeadLetters
from tasks.exports.store import ExportStore, open_store
from tasks.redis.check import RedisCheck
from tasks.redis.connection import RedisServer
from tasks.redis.server import find_redis_server
from tasks.worker_monitor import Monitor, listen

logger = logging.getLogger("basket")

FAILED = 1
"""The exit status of a worker that may not start."""
REDIS_TIMEOUT = 10.0
"""Timeout of a command of Redis, in seconds."""
RETRY_SECONDS = 1.0
"""Seconds between two attempts to reach the database at the start."""


async def open_worker_database(pool_size: int, *, checks_role: bool = False) -> None:
    """Opens the database of the settings on the running event loop."""
    bounds = Bounds(
        settings.DATABASE_POOL_WAIT_SECONDS,
        settings.DATABASE_STATEMENT_TIMEOUT_SECONDS,
        checks_role,
    )
    await connect(settings.DATABASE_URL, pool_size, bounds, settings.DATABASE_POOLER)


class Database(Middleware):
    """Keeps the database open on the event loop that all actors of the process share."""

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Prepares the pool; it connects when it is first used, so a database may start later."""
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(open_worker_database(settings.DATABASE_POOL_SIZE))

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Closes the connections."""
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(disconnect())


async def read_redis_server(store: ExportStore, said: set[str]) -> RedisServer | None:
    """Returns the checked Redis of this installation, and logs other faults of the set-up.

    `said` has what earlier attempts have logged about migrations.
    Raises StartupError, OSError, and the errors of the database.
    """
    # For this loop only: connections belong to a loop, and the actors run on another one.
    await open_worker_database(1, checks_role=True)
    try:
        await log_migrations(said)
        if missing := await describe_missing_rights():
            raise StartupError(f"DATABASE_URL: {missing}.")
        with suppress(OSError):
            if not await is_mounted(store):
                await log_missing_marker(store)
        return await find_redis_server(settings.REDIS_URL, settings.REDIS_PREFIX)
    finally:
        await disconnect()


def wait_for_redis_server(store: ExportStore) -> RedisServer | None:
    """Returns the Redis of this installation as soon as the database answers."""
    is_logged, said = False, set[str]()
    while True:
        try:
            return asyncio.run(read_redis_server(store, said))
        except (OSError, *DATABASE_FAILURES) as error:
            if not is_logged:
                logger.warning("The database cannot be used yet; waiting for it: %s", error)
            is_logged = True
            time.sleep(RETRY_SECONDS)


def worker_problems() -> list[str]:
    """Returns the reasons why a worker may not start on these settings, one per line."""
    return find_problems(Use.WORKER) + address_problems()


def end_process(reasons: list[str]) -> NoReturn:
    """Ends the process with one line per reason, unless another process has said them."""
    if claim_report():
        for reason in reasons:
            logs.report(reason)
    sys.exit(FAILED)


def create_worker_broker() -> Broker:
    """Returns the broker with the actors declared on it; raises StartupError."""
    store = open_store(settings.EXPORT_URL, shared=True, guarded=not settings.EMBEDDED)
    attempts, dead_letters = Attempts(), DeadLetters()
    redis = wait_for_redis_server(store)
    # AsyncIO first: the others use its event loop.
    middleware: list[Middleware] = [AsyncIO(), Database(), attempts]
    if settings.WORKER_PORT and redis is not None:
        middleware.append(Monitor(listen(), RedisCheck(redis), store, dead_letters))
    broker = create_broker(redis, timeout=REDIS_TIMEOUT, middleware=middleware)
    dead_letters.watch(broker)
    retention = timedelta(seconds=settings.EXPORT_KEPT_SECONDS)
    declare_export(broker, attempts, store, retention)
    return broker


def set_up_worker() -> None:
    """Makes the broker that `dramatiq` asks for; ends the process where there can be none."""
    logs.set_up(LogOptions())
    if reasons := worker_problems():
        end_process(reasons)
    use_scratch()
    try:
        broker = create_worker_broker()
    except StartupError as reason:
        end_process([str(reason)])
    dramatiq.set_broker(broker)


set_up_worker()
