"""The broker: Redis, or the memory of this process where no Redis is configured."""

from collections.abc import Sequence

from dramatiq import Broker, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from tasks.redis.connection import RedisServer

HEARTBEAT_MILLISECONDS = 5_000
"""How long a worker may be silent before another one takes its messages."""
ALWAYS = 1_000_000
"""Dramatiq looks for silent workers on this many of a million polls; its own default makes that a lottery."""


def create_broker(
    server: RedisServer | None, *, timeout: float, middleware: Sequence[Middleware]
) -> Broker:
    """Makes the broker without connecting; `timeout` is in seconds per answer of Redis.

    Of Dramatiq's own middleware none is needed: the row of a job, not its message, knows how often it was tried, for
    how long, and why it failed.
    """
    if server is None:
        return StubBroker(middleware=list(middleware))
    return RedisBroker(  # type: ignore[no-untyped-call] # dramatiq types the rest of itself
        client=server.connect(timeout),
        namespace=f"{server.prefix}-jobs",
        middleware=list(middleware),
        heartbeat_timeout=HEARTBEAT_MILLISECONDS,
        maintenance_chance=ALWAYS,
    )
