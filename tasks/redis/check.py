"""Whether Redis lets the server do everything that it does there, and a reason when it does not.

A ping proves little: a replica, a full server and a user without rights all answer it. So the check sends a message
through a queue of its own, with the broker's own script, and counts as the rate limits do.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from tasks.redis.connection import RedisServer, connect

logger = logging.getLogger("basket")

CHECK_SECONDS = 2.0
"""Timeout of each command of a check, in seconds."""
REMEMBERED_SECONDS = 1.0
"""For how many seconds the result of a check is good, so that frequent probes cost Redis little."""

_ALWAYS_MAINTAIN = 1_000_000
_QUEUE = "check"
_EXPIRY_MILLISECONDS = 10_000
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return count
"""


@dataclass(frozen=True, slots=True)
class RedisFault:
    """Why Redis cannot be used: a word for a health check, a sentence for a person."""

    word: str
    reason: str
    is_permanent: bool
    """Whether only another address, set-up or server can mend it; then nothing starts on it."""


class RedisRejected(Exception):
    """Raised when a process is to start on a Redis that can never be used; the message says why."""


class RedisCheck:
    """Checks one Redis. It may be called by several threads."""

    def __init__(self, server: RedisServer) -> None:
        self._prefix = server.prefix
        self._client = connect(server.address, CHECK_SECONDS)
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._fault: RedisFault | None = None

    def fault(self) -> RedisFault | None:
        """Returns why Redis cannot be used, None when it can; at most a second old."""
        with self._lock:
            if time.monotonic() - self._checked_at > REMEMBERED_SECONDS:
                self._fault = _fault_of(lambda: use_redis(self._client, self._prefix))
                self._checked_at = time.monotonic()
            return self._fault

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def check_redis(server: RedisServer) -> None:
    """Raises RedisRejected when this Redis can never be used, and logs when it cannot be used now."""
    check = RedisCheck(server)
    try:
        fault = check.fault()
    finally:
        check.close()
    if fault is None:
        return
    if fault.is_permanent:
        raise RedisRejected(f"Redis cannot be used: {fault.reason}")
    logger.warning("Redis cannot be used now: %s", fault.reason)


def use_redis(client: Redis, prefix: str) -> None:
    """Does once what the server does with Redis; leaves nothing behind that does not expire."""
    key = f"{prefix}-check:{uuid4().hex}"
    client.set(key, "1", px=_EXPIRY_MILLISECONDS)
    client.get(key)
    client.eval(_COUNT, 1, key, 1, _EXPIRY_MILLISECONDS // 1_000)
    client.ttl(key)
    client.delete(key)
    _use_queue(client, f"{prefix}-check")


def _use_queue(client: Redis, namespace: str) -> None:
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=namespace,
        maintenance_chance=_ALWAYS_MAINTAIN,
        middleware=[],
    )
    try:
        # Maintenance looks for keys only when a worker was silent for too long; this one never speaks.
        client.zadd(f"{namespace}:__heartbeats__", {"silent": 0})
        broker.do_enqueue(_QUEUE, "1", "message")
        broker.do_fetch(_QUEUE, 1)
        broker.do_nack(_QUEUE, "1")
        broker.do_ack(_QUEUE, "1")
        broker.do_requeue(_QUEUE, "1")
        broker.do_purge(_QUEUE)
    finally:
        client.delete(f"{namespace}:__heartbeats__")


def _fault_of(use: Callable[[], None]) -> RedisFault | None:
    try:
        use()
    except (RedisError, OSError) as error:
        return _fault_from_error(error)
    return None


def _fault_from_error(error: Exception) -> RedisFault:
    for classes, word, reason, is_permanent in _FAULTS:
        if isinstance(error, classes):
            return RedisFault(word, reason, is_permanent)
    for cause in (error, error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RedisFault(
                "untrusted",
                f"its certificate is not trusted: {cause.verify_message}.",
                True,
            )
        if isinstance(cause, ssl.SSLError):
            return RedisFault("no TLS", f"TLS cannot be agreed on: {cause.reason}.", True)
    return _fault_from_text(str(error))


_FAULTS: tuple[tuple[tuple[type[Exception], ...], str, str, bool], ...] = (
    (
        (ReadOnlyError,),
        "read-only",
        "it is a read-only replica; name the primary, or sentinels with redis+sentinel://.",
        True,
    ),
    (
        (OutOfMemoryError,),
        "full",
        "its memory is full and it evicts nothing (maxmemory, maxmemory-policy noeviction).",
        False,
    ),
    (
        (AskError, ClusterDownError, ClusterCrossSlotError),
        "cluster",
        "it is a Redis Cluster, which is not supported: the job queue needs all its keys on one node.",
        True,
    ),
    (
        (NoPermissionError,),
        "not permitted",
        "its user lacks rights; docs/redis.md names them.",
        True,
    ),
    (
        (AuthenticationError,),
        "unauthenticated",
        "user or password are wrong or missing.",
        True,
    ),
)

_TEXTS: tuple[tuple[str, str, str, bool], ...] = (
    ("NOPERM", "not permitted", "its user lacks rights; docs/redis.md names them.", True),
    (
        "ACL failure",
        "not permitted",
        "its user lacks rights; docs/redis.md names them.",
        True,
    ),
    (
        "can't run this command",
        "not permitted",
        "its user lacks rights; docs/redis.md names them.",
        True,
    ),
    (
        "can't access",
        "not permitted",
        "its user lacks rights; docs/redis.md names them.",
        True,
    ),
    ("DB index is out of range", "no database", "it has no database of this number.", True),
    ("READONLY", "read-only", "it is a read-only replica; name the primary.", True),
    ("OOM", "full", "its memory is full and it evicts nothing.", False),
    ("CROSSSLOT", "cluster", "it is a Redis Cluster, which is not supported.", True),
    (
        "MISCONF",
        "read-only",
        "it cannot write its snapshot and so accepts no changes.",
        False,
    ),
)


def _fault_from_text(text: str) -> RedisFault:
    for sign, word, reason, is_permanent in _TEXTS:
        if sign in text:
            return RedisFault(word, reason, is_permanent)
    return RedisFault("unavailable", f"it does not answer: {text}", False)
