"""PostgreSQL as Tortoise's engine: its asyncpg client, on a pool that survives outages."""

import asyncio
import contextvars
from contextlib import suppress
from types import TracebackType
from typing import Any

from asyncpg import Record
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContextPooled
from tortoise.connection import get_connections

from models.background import BackgroundLoop
from models.database.outage import DATABASE_FAILURES
from models.database.postgres.pool import BoundedPool
from models.database.postgres.watch import SAMPLE_SECONDS, PoolWatch


class Transaction(TransactionContextPooled):
    """A transaction that leaves nothing behind, also when BEGIN or COMMIT fails.

    Tortoise's own leaves its client in the context when BEGIN, or the release of the connection,
    fails: the task would go on with a dead connection for the rest of its life.
    """

    __slots__ = ()

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool
        connection = await pool.acquire()
        self.client._connection = connection
        try:
            await self.client.begin()
        except BaseException as error:
            pool.notice(error)
            await pool.release(connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pool = self.client._parent._pool
        try:
            if self.client._finalized:
                pass
            elif error is None:
                await self._commit(pool)
            else:
                await self._roll_back(pool, error)
        finally:
            get_connections().reset(self.token)
            if pool is not None:
                await pool.release(self.client._connection)

    async def _commit(self, pool: BoundedPool) -> None:
        try:
            await self.client.commit()
        except BaseException as error:
            pool.notice(error)
            raise

    async def _roll_back(self, pool: BoundedPool, error: BaseException) -> None:
        """Rolls back; where that fails, releasing the connection ends the transaction with it."""
        # An error of the system may come from anywhere, for example from the file of an export.
        if not isinstance(error, OSError) or self.client._connection.is_closed():
            pool.notice(error)
        try:
            await self.client.rollback()
        except (OSError, *DATABASE_FAILURES) as failure:
            pool.notice(failure)


class PostgresClient(AsyncpgDBClient):
    """Tortoise's client, on such a pool."""

    _pool: BoundedPool | None
    _watching: asyncio.Task[None] | None = None

    @property
    def pool(self) -> BoundedPool | None:
        """The pool; None before the first statement, and inside a transaction."""
        return self._pool

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
            # A timer for each use of a connection would cost more than the idle connections that
            # it closes.
            "max_inactive_connection_lifetime": 0,
        }
        # The connector knows the address with its password, so that no log of Tortoise shows it.
        for name in ("host", "port", "user", "password", "database", "server_settings"):
            given.pop(name, None)
        pool: BoundedPool = await BoundedPool(**defaults | given)
        self._watch(pool)
        return pool

    def _watch(self, pool: BoundedPool) -> None:
        loop = BackgroundLoop(
            "database connections", PoolWatch(pool, pool.connector).step, SAMPLE_SECONDS
        )
        # The context of the request that happens to come first is none of the loop's business.
        self._watching = asyncio.create_task(loop.run(), context=contextvars.Context())

    async def _close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await super()._close()

    def _in_transaction(self) -> Transaction:
        return Transaction(TransactionWrapper(self), self._pool_init_lock)

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except Exception as error:
            if self._pool is not None:
                self._pool.notice(error)
            raise


def open_pool() -> BoundedPool | None:
    """Returns the pool of this process; None on SQLite, and before the first statement."""
    client = get_connections().get("default")
    return client.pool if isinstance(client, PostgresClient) else None


client_class = PostgresClient
"""Tortoise looks for this name in the module of an engine."""
