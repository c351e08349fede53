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

    async def rows(self, query: str, *values: Any) -> Any:
        """Runs one statement and returns its rows.

        It borrows a connection that is open and free without asyncpg's proxy and task, which are there for users who
        may leave something behind: one finished statement does not. They take a fifth of the time of a small query.
        """
        holder = self._free_holder()
        if holder is None:
            async with self.acquire() as connection:
                return await connection.fetch(query, *values)
        holder._in_use = self._loop.create_future()
        try:
            return await holder._con.fetch(query, *values)
        finally:
            if self._is_clean(holder):
                holder._release()
            else:
                await asyncio.shield(holder.release(None))

    def _free_holder(self) -> Any:
        """Takes the holder of an open connection that nobody uses; None when there is none."""
        queue = self._queue
        if queue is None or queue.empty() or self._closing:
            return None
        holder = queue.get_nowait()
        if holder.is_connected() and holder._generation == self._generation:
            return holder
        queue.put_nowait(holder)
        return None

    def _is_clean(self, holder: Any) -> bool:
        """Tells whether a connection is as one finished statement leaves it."""
        connection = holder._con
        if connection is None or connection.is_closed() or connection.is_in_transaction():
            return False
        protocol = connection._protocol
        is_used_up = protocol.queries_count >= holder._max_queries or holder._generation != self._generation
        return not (is_used_up or protocol._is_cancelling())


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
            # A timer for each use of a connection would cost more than the idle connections that it closes.
            "max_inactive_connection_lifetime": 0,
        }
        pool: BoundedPool = await BoundedPool(None, **defaults | given)
        return pool


client_class = PostgresClient
"""What Tortoise looks for in the module of an engine."""
