"""All the private names of asyncpg that are used here, with the reason for each.

asyncpg's pool can be configured, but not be told which connections to replace, nor lend one without
a proxy and a task. A test looks for each of these names, so that an upgrade which changes them is
noticed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
from asyncpg import Connection
from asyncpg.exceptions import InvalidCachedStatementError, OutdatedSchemaCacheError
from asyncpg.pool import Pool

NAMES = {
    "asyncpg.pool.Pool": (
        *("_acquire", "_queue", "_closing", "_holders", "_generation", "_loop", "_connect"),
        *("_connection_class", "_record_class"),
    ),
    "asyncpg.pool.PoolConnectionHolder": (
        *("_con", "_in_use", "_generation", "_max_queries", "_release"),
    ),
    "asyncpg.pool.PoolConnectionProxy": ("_con", "_holder"),
    "asyncpg.connection.Connection": (
        *("_protocol", "_transport", "_prepare", "_stmt_cache_enabled"),
        *("_stmt_cache", "_query_loggers"),
    ),
    "asyncpg.connect_utils": ("_parse_connect_dsn_and_args",),
    "asyncio.queues.LifoQueue": ("_queue",),
}
"""By the place where they are defined."""


class OpenPool(Pool):  # type: ignore[misc] # asyncpg carries no types
    """asyncpg's pool with the names that a pool of ours needs.

    A holder is a place for one connection, which may be open or not. Holders have generations: a
    connection of an earlier one than the pool's is not used again.
    """

    @property
    def holders(self) -> Sequence[Any]:
        """All holders."""
        holders: Sequence[Any] = self._holders
        return holders

    @property
    def free_holders(self) -> "asyncio.Queue[Any] | None":
        """The holders that nobody uses; None before the pool's first use and while it closes."""
        return None if self._closing else self._queue

    @property
    def connector(self) -> Any:
        """The function that opens connections."""
        return self._connect

    def time(self) -> float:
        """Returns the time of the event loop, in seconds."""
        seconds: float = self._loop.time()
        return seconds

    def connect_options(self) -> dict[str, Any]:
        """Returns how the pool calls its connector."""
        return {
            "connection_class": self._connection_class,
            "record_class": self._record_class,
            "loop": self._loop,
        }

    def begin_generation(self) -> None:
        """Makes all connections old; those in use are closed when they are given back."""
        self._generation += 1

    def is_old(self, holder: Any) -> bool:
        """Whether a holder's connection is of an earlier generation."""
        is_old: bool = holder._generation != self._generation
        return is_old

    def newest_free(self) -> Any:
        """Returns the holder that was freed last; None unless its connection is open and new."""
        queue: Any = self.free_holders
        holders = queue._queue if queue is not None else ()
        if not holders or not holders[-1].is_connected() or self.is_old(holders[-1]):
            return None
        return holders[-1]

    def lend_newest(self) -> None:
        """Marks the holder that was freed last as used."""
        # Not by the queue's own method, which looks at every connection and wakes callers up:
        # nobody waits for room in this queue.
        holder = self._queue._queue.pop()
        holder._in_use = self._loop.create_future()

    def take_back(self, holder: Any) -> bool:
        """Frees a lent holder if its connection is as one finished statement leaves it."""
        connection = holder._con
        if connection is None or connection.is_closed() or connection.is_in_transaction():
            return False
        protocol = connection._protocol
        is_used_up = protocol.queries_count >= holder._max_queries or self.is_old(holder)
        if is_used_up or protocol._is_cancelling():
            return False
        holder._release()
        return True


async def fetch_rows(
    connection: Connection, query: str, values: Sequence[object]
) -> Sequence[Any]:
    """Runs a statement as `fetch` does; one that is prepared without its four coroutines."""
    protocol = connection._protocol
    key = (query, protocol.get_record_class(), False)
    statement = connection._stmt_cache.get(key)
    if statement is None or connection._query_loggers:
        return list(await connection.fetch(query, *values))
    try:
        rows: Sequence[Any] = await protocol.bind_execute(
            statement, values, portal_name="", limit=0, return_extra=False, timeout=None
        )
    except InvalidCachedStatementError:
        # Nothing was done: `fetch` finds the same, drops the statement, and prepares it anew.
        return list(await connection.fetch(query, *values))
    except OutdatedSchemaCacheError:
        await connection.reload_schema_state()
        raise
    return rows


def connection_of(holder: Any) -> Any:
    """Returns the connection of a holder; None when it has none."""
    return holder._con


def raw_connection(proxy: Any) -> tuple[Any, Any]:
    """Returns the connection behind a proxy, None when it is gone, and its holder."""
    return proxy._con, proxy._holder


def use_mark(holder: Any) -> tuple[Any, ...] | None:
    """Returns a mark that changes whenever the connection is used, given back or replaced.

    Its first part is None while nobody uses the connection; it is None without a connection.
    """
    connection = holder._con
    if connection is None or connection.is_closed():
        return None
    return (holder._in_use, connection, connection._protocol.queries_count)


def tcp_socket(connection: Connection) -> Any:
    """Returns the socket of a connection, for the options that asyncpg does not set."""
    return connection._transport.get_extra_info("socket")


ARRAYS = {1000: ("bool", 16), 1007: ("int4", 23), 1016: ("int8", 20)}
"""The arrays that statements take: the number of the type, and name and number of its elements.

Those of PostgreSQL's own types are the same in every server. asyncpg knows text[] itself.
"""


def introduce_arrays(connection: Connection) -> None:
    """Tells a new connection of ARRAYS, which it would ask the server for at their first use.

    That question takes PostgreSQL longer than any statement of a request.
    """
    settings = connection._protocol.get_settings()
    settings.register_data_types(
        {
            "oid": number,
            "ns": "pg_catalog",
            "name": f"_{name}",
            "kind": b"b",
            "elemtype": element,
            "elemdelim": b",",
            "elemtype_name": name,
            **dict.fromkeys(("basetype", "range_subtype", "attrtypoids")),
        }
        for number, (name, element) in ARRAYS.items()
    )


async def prepare_named(connection: Connection, text: str, name: str) -> Any:
    """Prepares a statement under a name of ours, to see whether a pooler keeps it."""
    return await connection._prepare(text, name=name)


@contextmanager
def unnamed_statements(connection: Connection) -> Iterator[None]:
    """Prepares statements without a name meanwhile, which no pooler loses."""
    before = connection._stmt_cache_enabled
    connection._stmt_cache_enabled = False
    try:
        yield
    finally:
        connection._stmt_cache_enabled = before


def parse_options(**options: Any) -> Any:
    """Reads an address, and the files of TLS that it names, as connecting will."""
    return asyncpg.connect_utils._parse_connect_dsn_and_args(**options)
