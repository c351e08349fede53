"""The broker: Redis, or the memory of this process where no Redis is configured."""

from collections.abc import Sequence

from dramatiq import Broker, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from tasks.redis.connection import RedisServer

HEARTBEAT_MILLISECONDS = 5_000
"""Milliseconds of silence after which a worker's messages go to another one."""
ALWAYS = 1_000_000
"""Of a million polls, all look for silent workers; by default one in a thousand does."""


def create_broker(
    server: RedisServer | None, *, timeout: float, middleware: Sequence[Middleware]
) -> Broker:
    """Returns the broker, not connected yet; `timeout` is in seconds per command of Redis.

    None of Dramatiq's own middleware is needed: the row of a job, not its message, holds its
    attempts, its timeout and its failure.
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
