"""Exports of a server process: sending jobs, sweeping them and, without Redis, writing files."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from tasks.attempts import Attempts
from tasks.broker import create_broker
from tasks.embedded_worker import embedded_worker
from tasks.exports.actor import declare_export
from tasks.exports.address import ExportAddresses
from tasks.exports.exports import Exports
from tasks.exports.metrics import DeadLetters
from tasks.exports.sending import open_sender
from tasks.exports.store import ExportStore
from tasks.exports.sweeper import ExportSweeper, sweep_exports
from tasks.redis.connection import RedisServer

SEND_TIMEOUT_SECONDS = 2.0
"""Seconds that Redis may take to accept a message before it is left to the sweeper."""


@asynccontextmanager
async def open_exports(
    redis: RedisServer | None,
    store: ExportStore,
    addresses: ExportAddresses,
    retention: timedelta,
    dead_letters: DeadLetters,
) -> AsyncIterator[Exports]:
    """Sends and sweeps jobs and, without Redis, works on them in this process."""
    attempts = Attempts()
    broker = create_broker(redis, timeout=SEND_TIMEOUT_SECONDS, middleware=[attempts])
    dead_letters.watch(broker)
    async with AsyncExitStack() as resources:
        actor = declare_export(broker, attempts, store, retention)
        sender = await resources.enter_async_context(open_sender(actor))
        if redis is None:
            await resources.enter_async_context(embedded_worker(broker))
        await resources.enter_async_context(sweep_exports(ExportSweeper(sender, store)))
        yield Exports(sender, store, addresses)
