"""Limits on live connections: those of a process, of an address and of a token together."""

from collections import Counter
from dataclasses import dataclass
from typing import Self

from settings.options import Options
from web.live.memory import LiveMemory
from web.live.metrics import CONNECTIONS, Transport


class TooManyConnections(Exception):
    """Raised for a connection beyond a limit; the message names the limit and its setting."""

    def __init__(self, subject: str, count: int, setting: str) -> None:
        super().__init__(
            f"{subject} has {count} live connections, all that {setting} allows."
        )


class ProcessFull(TooManyConnections):
    """Raised when the process has no room; another one may have."""


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """The settings of live connections."""

    connections: int
    connections_per_token: int
    connections_per_address: int
    operations_per_connection: int
    init_seconds: float
    heartbeat_seconds: float

    @classmethod
    def from_options(cls, options: Options) -> "LiveLimits":
        """Returns the limits that the settings describe."""
        return cls(
            options.live_connections,
            options.live_connections_per_token,
            options.live_connections_per_address,
            options.live_operations_per_connection,
            options.live_init_seconds,
            options.live_heartbeat_seconds,
        )


class LiveConnections:
    """Counts the live connections of a process, whatever their transport, and their memory.

    `memory` is that of their operations, and `results` that of the results that are being sent.
    """

    def __init__(self, limits: LiveLimits, memory: LiveMemory, results: LiveMemory) -> None:
        self.limits = limits
        self.memory = memory
        self.results = results
        self.count = 0
        self.addresses = Counter[str]()
        self.tokens = Counter[str]()

    @classmethod
    def from_options(cls, options: Options) -> "LiveConnections":
        """Returns the counts of a process with the limits that the settings describe."""
        return cls(
            LiveLimits.from_options(options),
            LiveMemory.of_operations(options),
            LiveMemory.of_results(options),
        )

    def connection(
        self, transport: Transport, address: str, digest: str = ""
    ) -> "LiveConnection":
        """Returns a context that counts a connection while it is open.

        Entering it raises TooManyConnections or ProcessFull. `digest` is that of the token; one
        that is known only later is counted by `add_token`.
        """
        return LiveConnection(self, transport, address, digest)


class LiveConnection:
    """A context in which a connection is counted; generators would take more memory."""

    __slots__ = ("address", "all", "digest", "transport")

    def __init__(
        self, connections: LiveConnections, transport: Transport, address: str, digest: str
    ) -> None:
        self.all = connections
        self.transport = transport
        self.address = address
        self.digest = digest

    def __enter__(self) -> Self:
        limits, digest = self.all.limits, self.digest
        if self.all.count >= limits.connections:
            raise ProcessFull("The server", limits.connections, "LIVE_CONNECTIONS")
        if self.all.addresses[self.address] >= limits.connections_per_address:
            raise TooManyConnections(
                "Your address",
                limits.connections_per_address,
                "LIVE_CONNECTIONS_PER_ADDRESS",
            )
        self.digest = ""
        self.add_token(digest)
        self.all.count += 1
        self.all.addresses[self.address] += 1
        CONNECTIONS.labels(self.transport).inc()
        return self

    def add_token(self, digest: str) -> None:
        """Counts the connection for its token, too; raises TooManyConnections."""
        limit = self.all.limits.connections_per_token
        if not digest:
            return
        if self.all.tokens[digest] >= limit:
            raise TooManyConnections("The token", limit, "LIVE_CONNECTIONS_PER_TOKEN")
        self.digest = digest
        self.all.tokens[digest] += 1

    def __exit__(self, *exception: object) -> None:
        self.all.count -= 1
        _decrease(self.all.addresses, self.address)
        if self.digest:
            _decrease(self.all.tokens, self.digest)
        CONNECTIONS.labels(self.transport).dec()


def _decrease(counts: Counter[str], key: str) -> None:
    """Counts one less; keys that nobody uses are deleted."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
