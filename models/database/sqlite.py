"""SQLite as Tortoise's engine, with transactions that leave nothing behind when BEGIN fails."""

import sqlite3
from datetime import datetime

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections

# SQLite compares timestamps as texts: all must have microseconds, which Tortoise leaves out of full
# seconds.
sqlite3.register_adapter(
    datetime, lambda value: value.isoformat(sep=" ", timespec="microseconds")
)


class SqliteTransaction(SqliteTransactionContext):
    """A transaction; Tortoise's own keeps the lock of the connection for ever when BEGIN fails."""

    __slots__ = ()

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        client: TransactionalDBClient = self.connection
        return client


class BasketSqliteClient(SqliteClient):
    """Tortoise's client, with such transactions."""

    async def create_connection(self, with_db: bool) -> None:
        """Opens the file; raises sqlite3.OperationalError without a traceback of a thread."""
        # A thread of aiosqlite that cannot open it is left to report to a closed event loop.
        if self._connection is None:
            sqlite3.connect(self.filename).close()
        await super().create_connection(with_db)

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransaction(SqliteTransactionWrapper(self), self._lock)


client_class = BasketSqliteClient
"""Tortoise looks for this name in the module of an engine."""
