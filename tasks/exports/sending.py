"""Sending the messages of exports: after the commit, in a thread, not waiting for Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager

from dramatiq import DramatiqError
from redis.exceptions import RedisError

from tasks.exports.actor import ExportActor

logger = logging.getLogger("basket")

MAXIMUM_PENDING = 1_000
"""The highest number of messages that wait for a slow Redis; the sweeper sends the others."""


class ExportSender:
    """Sends ids to the actor; a message that cannot be sent is dropped, and left to the sweeper."""

    def __init__(self, actor: ExportActor) -> None:
        self._actor = actor
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export-sender")
        self._pending: set[Future[None]] = set()

    def send(self, export_ids: Iterable[int]) -> None:
        """Queues messages for the sending thread."""
        for export_id in export_ids:
            if len(self._pending) >= MAXIMUM_PENDING:
                logger.warning(
                    "Redis is too slow: the message of export %d is left to the sweeper.",
                    export_id,
                )
                continue
            # A thread, since a command of Redis blocks; one, so that a slow Redis blocks no more.
            future = self._thread.submit(self._send, export_id)
            # Added before the callback, which runs at once for a future that is done already.
            self._pending.add(future)
            future.add_done_callback(self._pending.discard)

    def _send(self, export_id: int) -> None:
        try:
            self._actor.send(export_id)
        except (OSError, RedisError, DramatiqError) as error:
            logger.warning(
                "The message of export %d is left to the sweeper: %s", export_id, error
            )

    async def close(self) -> None:
        """Finishes the message that is being sent, and drops the others."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)


@asynccontextmanager
async def open_sender(actor: ExportActor) -> AsyncIterator[ExportSender]:
    """Keeps a sender open."""
    sender = ExportSender(actor)
    try:
        yield sender
    finally:
        await sender.close()
