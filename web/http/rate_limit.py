"""Rate limits per token and per address.

The library `limits` counts, in memory or in Redis for all processes together. A request must not
wait for Redis, so a process reserves hits in batches, which are good until the window ends. They
are counted before they are used, so all processes together never let more through than the limit.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.base import Storage
from prometheus_client import Counter
from redis.exceptions import RedisError

from tasks.redis.connection import RedisServer

BATCHES = 50
"""The number of batches that a limit is divided into."""
MAXIMUM_KEYS = 10_000
"""The highest number of keys of a limit in a process, and of both limits in its storage."""
TIMEOUT_SECONDS = 0.25
"""Timeout of one answer of Redis, in seconds."""
PAUSE_SECONDS = 1.0
"""Seconds for which everything is let through after Redis did not answer."""
OFF = ("", "0")


REJECTED = Counter("basket_rate_limit_rejections", "Requests rejected: too many came.")
UNANSWERED = Counter(
    "basket_rate_limit_unavailable",
    "Questions that the store of the rate limit did not answer; requests were let through.",
)


class RateLimited(Exception):
    """Raised when a limit is passed; carries the seconds until a request is accepted again."""

    def __init__(self, limit: str, seconds: int) -> None:
        super().__init__(f"The limit of {limit} is passed; try again in {seconds} seconds.")
        self.seconds = seconds


class _Allowance:
    """The hits of a key that a process has reserved, or the end of the key's rejection."""

    __slots__ = ("left", "lock", "rejected_until", "until")

    def __init__(self) -> None:
        self.left = 0
        self.until = 0.0
        self.rejected_until = 0.0
        self.lock = asyncio.Lock()


class BoundedStorage(MemoryStorage):
    """Counts in memory until a window ends, of the keys that were counted first no longer.

    With each count the library looks at all keys for windows that have ended. Here the bound is
    enough: a key is looked at when it is counted again, or when it is one too many.
    """

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Adds to the count of a key, and returns it."""
        now = time.time()
        if self.expirations.get(key, 0) <= now:
            await self.clear(key)
            # Whoever has so many addresses passes any limit of one address in any case.
            if len(self.expirations) >= MAXIMUM_KEYS:
                await self.clear(next(iter(self.expirations)))
            self.expirations[key] = now + expiry
        # Nothing has waited since: neither clears another request's count.
        self.storage[key] += amount
        return self.storage[key]


class RateLimit:
    """One limit, for many keys. A key is a digest or an address, never a token."""

    def __init__(
        self, name: str, text: str, storage: Storage, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self.name = name
        self.text = text
        self.item: RateLimitItem = parse(text)
        self.window = float(self.item.get_expiry())
        self.batch = max(1, self.item.amount // BATCHES)
        self.storage = storage
        self.timeout = timeout
        self.pause = PAUSE_SECONDS
        self.allowances: dict[str, _Allowance] = {}
        self.paused_until = 0.0

    def take_reserved(self, key: str) -> bool:
        """Counts one hit of a key; returns whether it was reserved, as nearly every one is."""
        allowance = self.allowances.get(key)
        if allowance is None or not allowance.left or time.monotonic() >= allowance.until:
            return False
        allowance.left -= 1
        return True

    async def take(self, key: str, hits: int = 1) -> None:
        """Counts hits of a key; raises RateLimited when there are too many."""
        now = time.monotonic()
        allowance = self.allowances.get(key)
        if allowance is not None and allowance.left >= hits and now < allowance.until:
            allowance.left -= hits
        elif now >= self.paused_until:
            await self._reserve_and_take(key, allowance or self._add(key), hits)

    def _add(self, key: str) -> _Allowance:
        # The oldest key goes first; it loses its reserved hits, and the storage still counts them.
        if len(self.allowances) >= MAXIMUM_KEYS:
            del self.allowances[next(iter(self.allowances))]
        allowance = self.allowances[key] = _Allowance()
        return allowance

    async def _reserve_and_take(self, key: str, allowance: _Allowance, hits: int) -> None:
        # Requests of one key that come at once share the batch that the first of them reserves.
        async with allowance.lock:
            now = time.monotonic()
            # Redis may have failed while this request waited for the lock: it does not wait again.
            if now < self.paused_until:
                return
            if allowance.left < hits or now >= allowance.until:
                self._check_rejected(allowance, now)
                try:
                    async with asyncio.timeout(self.timeout):
                        window_end = await self._reserve(
                            key, allowance, max(hits, self.batch)
                        )
                except (RedisError, OSError):
                    # Buyers are let in without limits rather than kept out by a broken Redis.
                    UNANSWERED.inc()
                    self.paused_until = time.monotonic() + self.pause
                    return
                if allowance.left < hits:
                    allowance.left, allowance.rejected_until = 0, window_end
                    self._check_rejected(allowance, now)
            allowance.left -= hits

    def _check_rejected(self, allowance: _Allowance, now: float) -> None:
        if now < allowance.rejected_until:
            REJECTED.inc()
            seconds = min(allowance.rejected_until - now, self.window)
            raise RateLimited(self.text, math.ceil(seconds))

    async def _reserve(self, key: str, allowance: _Allowance, count: int) -> float:
        """Counts a batch, adds its hits within the limit, and returns the end of the window."""
        name = self.item.key_for(self.name, key)
        total = await self.storage.incr(name, self.item.get_expiry(), amount=count)
        rest = self.window
        # If nothing else is counted, the window has just begun, and its end needs no question.
        if total != count:
            rest = await self.storage.get_expiry(name) - time.time()
        if rest > self.window + 1:
            # The clock was set back: the storage would keep the window for as long again.
            await self.storage.clear(name)
            rest = self.window
        rest = max(rest, 0.5)
        now = time.monotonic()
        left = allowance.left if now < allowance.until else 0
        allowance.left = left + max(0, min(count, self.item.amount - (total - count)))
        # Redis tells whole seconds, so hits may be used half a second after the window. Were they
        # dropped before its possible end, each request of the last second would reserve a batch,
        # waste it, and soon pass the limit.
        allowance.until = now + rest
        return now + rest


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits per token and per address; None where there is none."""

    token: RateLimit | None
    address: RateLimit | None


@asynccontextmanager
async def rate_limits(
    server: RedisServer | None,
    *,
    token: str,
    address: str,
    seconds: float = TIMEOUT_SECONDS,
) -> AsyncIterator[RateLimits]:
    """Yields the limits, which read like "6000/minute"; empty or 0 is no limit.

    `seconds` is the timeout of one answer of Redis.
    """
    async with _open_storage(server, seconds) as storage:
        token_limit, address_limit = [
            None if text.strip() in OFF else RateLimit(name, text, storage, seconds)
            for name, text in (("token", token), ("address", address))
        ]
        yield RateLimits(token_limit, address_limit)


@asynccontextmanager
async def _open_storage(
    server: RedisServer | None, seconds: float
) -> AsyncIterator[Storage]:
    if server is None:
        yield BoundedStorage()
        return
    async with server.connect_async(seconds) as client:
        yield RedisStorage(
            # The pool decides the address; the library only wants to see one of Redis.
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{server.prefix}-limit",
            # Its annotation lacks pools, which it hands on to redis-py.
            connection_pool=client.connection_pool,  # type: ignore[arg-type]
        )
