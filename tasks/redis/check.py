"""Whether Redis lets the server do everything that it does there, and a reason when it does not.

A ping proves little: a replica, a full server and a user without rights all answer it. So the check
sends a message through a queue of its own and counts as the rate limits do.
"""

import logging
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

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
from redis.sentinel import MasterNotFoundError, SentinelConnectionPool

from settings.startup_error import StartupError
from tasks.dramatiq_internals import use_queue
from tasks.redis.connection import RedisServer

logger = logging.getLogger("basket")

CHECK_TIMEOUT = 2.0
"""Timeout of each command of a check, in seconds."""
CACHED_SECONDS = 1.0
"""Seconds for which the result of a check is cached, so that frequent probes cost little."""

_EXPIRY_MILLISECONDS = 10_000
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return count
"""


@dataclass(frozen=True, slots=True)
class RedisFault:
    """A reason against using Redis: a word for a health check, a sentence for a person."""

    word: str
    reason: str
    is_permanent: bool = True
    """Whether only another address, set-up or server can mend it; then nothing starts on it."""


class RedisCheck:
    """Checks one Redis; safe to be called by several threads."""

    def __init__(self, server: RedisServer) -> None:
        self._prefix = server.prefix
        self._client = server.connect(CHECK_TIMEOUT)
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._fault: RedisFault | None = None

    def fault(self) -> RedisFault | None:
        """Returns the reason why Redis cannot be used, None when it can; at most a second old."""
        # Held during the check, so that probes at the same time wait for one check and share it.
        with self._lock:
            if time.monotonic() - self._checked_at > CACHED_SECONDS:
                self._fault = find_fault(self._client, self._prefix)
                self._checked_at = time.monotonic()
            return self._fault

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


def check_redis(server: RedisServer) -> None:
    """Raises StartupError for a Redis that can never be used; logs one that cannot be used now."""
    check = RedisCheck(server)
    try:
        fault = check.fault()
    finally:
        check.close()
    if fault is None:
        return
    if fault.is_permanent:
        raise StartupError(f"REDIS_URL: Redis cannot be used: {fault.reason}")
    logger.warning("Redis cannot be used now: %s", fault.reason)


def find_fault(client: Redis, prefix: str) -> RedisFault | None:
    """Uses Redis as the server does; returns the reason when it cannot be used."""
    try:
        use_redis(client, prefix)
    except MasterNotFoundError as error:
        return _unknown_service(client) or _fault_from_error(error)
    except (RedisError, OSError) as error:
        return _fault_from_error(error)
    return None


def _unknown_service(client: Redis) -> RedisFault | None:
    """Returns the fault of a name that no sentinel watches; None when one may know it."""
    pool = client.connection_pool
    if not isinstance(pool, SentinelConnectionPool):
        return None
    known: set[str] = set()
    for sentinel in pool.sentinel_manager.sentinels:
        with suppress(RedisError, OSError):
            known |= sentinel.sentinel_masters().keys()
    if not known or pool.service_name in known:
        return None
    names = ", ".join(sorted(known))
    return RedisFault(
        "no service",
        f"the sentinels watch no service {pool.service_name!r}, but {names}.",
    )


def use_redis(client: Redis, prefix: str) -> None:
    """Runs each command of the server once; all keys left behind expire."""
    key = f"{prefix}-check:{uuid4().hex}"
    client.set(key, "1", px=_EXPIRY_MILLISECONDS)
    client.get(key)
    client.eval(_COUNT, 1, key, 1, _EXPIRY_MILLISECONDS // 1_000)
    client.ttl(key)
    client.delete(key)
    use_queue(client, f"{prefix}-check", "check")
    _use_channel(client, f"{prefix}-check")


def _use_channel(client: Redis, name: str) -> None:
    """Publishes on a channel and listens to it, as live baskets do."""
    client.publish(name, "1")
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(name)
        # The answer, which is an error for a user without the right.
        channel.get_message(timeout=CHECK_TIMEOUT)


def _fault_from_error(error: Exception) -> RedisFault:
    for classes, fault in _FAULTS_OF_CLASSES:
        if isinstance(error, classes):
            return fault
    # redis-py raises a ConnectionError of its own, with the error of TLS as its cause.
    for cause in (error, error.__cause__, error.__context__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"its certificate is not trusted: {cause.verify_message}."
            return RedisFault("untrusted", reason)
        if isinstance(cause, ssl.SSLError):
            return RedisFault("no TLS", f"TLS cannot be agreed on: {cause.reason}.")
    text = str(error)
    if "unknown command" in text and "SENTINEL" not in text:
        reason = f"it does not know a command that is needed: {text.strip()}."
        return RedisFault("no command", reason)
    faults = (fault for sign, fault in _FAULTS_OF_TEXTS if sign in text)
    unknown = RedisFault("unavailable", f"it does not answer: {text}", is_permanent=False)
    return next(faults, unknown)


_READ_ONLY = RedisFault(
    "read-only",
    "it is a read-only replica; name the primary, or sentinels with redis+sentinel://.",
)
_FULL = RedisFault(
    "full",
    "its memory is full and it evicts nothing (maxmemory, maxmemory-policy noeviction).",
    is_permanent=False,
)
_CLUSTER = RedisFault(
    "cluster",
    "it is a Redis Cluster, which is not supported: "
    "the job queue needs all its keys on one node.",
)
_NOT_PERMITTED = RedisFault(
    "not permitted", "its user lacks rights; docs/redis.md names them."
)
_UNAUTHENTICATED = RedisFault("unauthenticated", "user or password are wrong or missing.")
_NO_DATABASE = RedisFault("no database", "it has no database of this number.")
_NO_SENTINEL = RedisFault(
    "no sentinel", "it is no sentinel; name sentinels, or a server with redis://."
)
_NO_SNAPSHOT = RedisFault(
    "read-only",
    "it cannot write its snapshot and so accepts no changes.",
    is_permanent=False,
)

_FAULTS_OF_CLASSES: tuple[tuple[tuple[type[Exception], ...], RedisFault], ...] = (
    ((ReadOnlyError,), _READ_ONLY),
    ((OutOfMemoryError,), _FULL),
    ((AskError, ClusterDownError, ClusterCrossSlotError), _CLUSTER),
    ((NoPermissionError,), _NOT_PERMITTED),
    ((AuthenticationError,), _UNAUTHENTICATED),
)
# Errors raised inside a script arrive as texts without a class of their own.
_FAULTS_OF_TEXTS = (
    ("NOPERM", _NOT_PERMITTED),
    ("ACL failure", _NOT_PERMITTED),
    ("can't run this command", _NOT_PERMITTED),
    ("can't access", _NOT_PERMITTED),
    ("DB index is out of range", _NO_DATABASE),
    ("READONLY", _READ_ONLY),
    ("OOM", _FULL),
    ("CROSSSLOT", _CLUSTER),
    ("MISCONF", _NO_SNAPSHOT),
    ("unknown command 'SENTINEL'", _NO_SENTINEL),
    ("unknown command `SENTINEL`", _NO_SENTINEL),
)
