"""PostgreSQL as Tortoise's engine: its asyncpg client, with a pool that is never waited for without end."""

import asyncio
from typing import Any

from asyncpg import Record
from asyncpg.exceptions import InterfaceError
from asyncpg.pool import Pool
from tortoise.backends.asyncpg.client import AsyncpgDBClient


class PoolExhausted(InterfaceError):  # type: ignore[misc] # asyncpg carries no types
    """Raised when no connection became free in time."""


class BoundedPool(Pool):  # type: ignore[misc] # asyncpg carries no types
    """A pool whose exhausted state is waited out for a bounded time only; making a connection is bounded as well.

    asyncpg's own time limit on `acquire` costs a timer and a task on every call. This one sets its timer only when no
    connection is free.
    """

    def __init__(self, *given: Any, wait_seconds: float, **more: Any) -> None:
        super().__init__(*given, **more)
        self.wait_seconds = wait_seconds
        self.waiting = 0

    async def _acquire(self, seconds: float | None) -> Any:
        """Takes a connection; raises PoolExhausted when none became free in time."""
        # Before the pool's first use asyncpg has no queue yet, and says so itself.
        if self._queue is None or not self._queue.empty():
            return await super()._acquire(seconds)
        self.waiting += 1
        try:
            async with asyncio.timeout(self.wait_seconds):
                return await super()._acquire(seconds)
        except TimeoutError:
            raise PoolExhausted(f"No connection became free within {self.wait_seconds:g} seconds.") from None
        finally:
            self.waiting -= 1


class PostgresClient(AsyncpgDBClient):
    """Tortoise's client, on such a pool."""

    async def create_pool(self, **given: Any) -> BoundedPool:
        """Makes the pool as `asyncpg.create_pool` would, with its defaults."""
        defaults = {
            "record_class": Record,
            "init_size": None,
            "max_queries": 50_000,
            "loop": None,
            "connect": None,
            "setup": None,
            "init": None,
            "max_inactive_connection_lifetime": 300.0,
        }
        pool: BoundedPool = await BoundedPool(None, **defaults | given)
        return pool


client_class = PostgresClient
"""What Tortoise looks for in the module of an engine."""
