"""Connections by hand: asyncpg's own, without the bookkeeping of a pool (20 µs per request)."""

import asyncio
from types import TracebackType

import asyncpg

SIZE = 20


class Connections:
    """At most SIZE connections, opened on demand; the last one used is borrowed first."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Last in, first out: the backend used last has its pages in the nearest cache.
        self.free: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        for _ in range(SIZE):
            # None stands for a connection that is not open yet.
            self.free.put_nowait(None)

    def borrowed(self) -> "Borrowed":
        """Returns a context that borrows one connection."""
        return Borrowed(self)

    async def take(self) -> asyncpg.Connection:
        """Borrows a connection; waits for one when all are borrowed."""
        connection = await self.free.get()
        if connection is not None and not connection.is_closed():
            return connection
        try:
            # As ours: compiling takes longer than such a statement.
            return await asyncpg.connect(self.url, server_settings={"jit": "off"})
        except BaseException:
            self.free.put_nowait(None)
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """Takes a connection back; one in a transaction is closed, which rolls back."""
        if connection.is_in_transaction():
            connection.terminate()
        self.free.put_nowait(connection)

    async def close(self) -> None:
        """Closes the open connections."""
        while not self.free.empty():
            connection = self.free.get_nowait()
            if connection is not None:
                await connection.close()


class Borrowed:
    """One connection while it is borrowed."""

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
