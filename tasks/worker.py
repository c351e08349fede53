"""The worker process: importing this module sets it up, which only `dramatiq tasks` does."""

import sys
from datetime import timedelta

import dramatiq
from dramatiq import Broker, Middleware, Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO

import logs
import settings
from models.database import Bounds, connect, disconnect
from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.exports.actor import declare_export
from tasks.exports.store import ExportStore

PATIENCE_SECONDS = 10.0


class Database(Middleware):
    """Keeps the database open on the event loop that all actors of the process share."""

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Prepares the connections; the first is made when it is needed, so a database may come up later."""
        loop = get_event_loop_thread()
        bounds = Bounds(settings.DATABASE_POOL_WAIT_SECONDS, settings.DATABASE_STATEMENT_TIMEOUT_SECONDS)
        if loop is not None:
            loop.run_coroutine(connect(settings.DATABASE_URL, settings.DATABASE_POOL_SIZE, bounds))

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Closes the connections."""
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(disconnect())


def set_up() -> None:
    """Makes the broker that `dramatiq` asks for, and declares the actors on it."""
    if not settings.REDIS_URL:
        sys.exit("Set REDIS_URL: without Redis there is nothing a worker process could wait for.")
    try:
        settings.check_production()
    except settings.SettingMissing as reason:
        sys.exit(str(reason))
    logs.set_up()
    attempts = Attempts()
    broker = create_broker(settings.REDIS_URL, patience=PATIENCE_SECONDS, middleware=[AsyncIO(), Database(), attempts])
    dramatiq.set_broker(broker)
    kept = timedelta(seconds=settings.EXPORT_KEPT_SECONDS)
    declare_export(broker, attempts, ExportStore(settings.EXPORT_URL), kept)


set_up()
