"""Connections by hand: asyncpg's own, without the bookkeeping of a pool, which costs 20 µs a request."""

import asyncio
from types import TracebackType

import asyncpg

SIZE = 20


class Connections:
    """At most SIZE connections, opened when they are needed; the one used last is taken first."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.free: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        for _ in range(SIZE):
            # None stands for a connection that is not open yet.
            self.free.put_nowait(None)

    def taken(self) -> "Taken":
        """Returns a context in which one connection is taken."""
        return Taken(self)

    async def take(self) -> asyncpg.Connection:
        """Takes a connection, waiting for one when all are taken."""
        connection = await self.free.get()
        if connection is not None and not connection.is_closed():
            return connection
        try:
            return await asyncpg.connect(self.url, server_settings={"jit": "off"})
        except BaseException:
            self.free.put_nowait(None)
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """Gives a connection back; one that was left in a transaction is closed, which undoes the transaction."""
        if connection.is_in_transaction():
            connection.terminate()
        self.free.put_nowait(connection)

    async def close(self) -> None:
        """Closes what is open."""
        while not self.free.empty():
            connection = self.free.get_nowait()
            if connection is not None:
                await connection.close()


class Taken:
    """One connection while it is taken."""

    __slots__ = ("connection", "connections")

    def __init__(self, connections: Connections) -> None:
        self.connections = connections

    async def __aenter__(self) -> asyncpg.Connection:
        self.connection = await self.connections.take()
        return self.connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connections.give_back(self.connection)
