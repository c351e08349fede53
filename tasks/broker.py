"""The broker: Redis, or the memory of this process where no Redis is configured."""

from collections.abc import Sequence

from dramatiq import Broker, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

HEARTBEAT_MILLISECONDS = 5_000
"""How long a worker may be silent before another one takes its messages."""
ALWAYS = 1_000_000
"""Dramatiq looks for silent workers on this many of a million polls; its own default makes that a lottery."""


def create_broker(redis_url: str, *, patience: float, middleware: Sequence[Middleware]) -> Broker:
    """Makes the broker without connecting; `patience` is how many seconds Redis may take for one answer.

    Of Dramatiq's own middleware none is needed: the row of a job, not its message, knows how often it was tried, for
    how long, and why it failed.
    """
    if not redis_url:
        return StubBroker(middleware=list(middleware))
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisBroker(  # type: ignore[no-untyped-call] # dramatiq types the rest of itself
        client=Redis(connection_pool=pool),
        middleware=list(middleware),
        heartbeat_timeout=HEARTBEAT_MILLISECONDS,
        maintenance_chance=ALWAYS,
    )
