"""The worker inside the server process, where no Redis is configured."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from dramatiq import Broker, Worker
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread

logger = logging.getLogger("basket")

R = TypeVar("R")

THREADS = 2
STOP_MILLISECONDS = 10_000
"""Timeout of an orderly stop."""
POLL_MILLISECONDS = 50
"""The longest time between a message and its attempt."""


class ServerLoop(EventLoopThread):
    """The event loop of the server, lent to the worker's threads for its open connections.

    Dramatiq's class is a thread; this one is never started, since its loop already runs.
    """

    def __init__(self) -> None:
        super().__init__(logger)
        # The base class has made a loop of its own.
        self.loop.close()
        self.loop = asyncio.get_running_loop()

    def run_coroutine(self, coro: Awaitable[R]) -> R:
        """Runs a coroutine there and waits for it, in a thread of the worker."""
        return asyncio.run_coroutine_threadsafe(_await(coro), self.loop).result()


async def _await(awaitable: Awaitable[R]) -> R:
    return await awaitable


@asynccontextmanager
async def embedded_worker(broker: Broker) -> AsyncIterator[None]:
    """Runs a worker in this process; when it stops, it gives back the attempts under way."""
    # Dramatiq finds the loop of its actors in a global of its own.
    set_event_loop_thread(ServerLoop())
    worker = Worker(broker, worker_threads=THREADS, worker_timeout=POLL_MILLISECONDS)
    worker.start()
    try:
        yield
    finally:
        # In a thread, since the attempts that the stop waits for need this loop to end.
        await asyncio.to_thread(worker.stop, STOP_MILLISECONDS)
        set_event_loop_thread(None)
