"""How many requests each token and each address may send.

The numbers are kept by the library `limits`, in memory or in Redis for all processes together. A request must not wait
for Redis, so a process takes its hits in handfuls: one question buys several, which are good until the window ends.
They are counted before they are used, so all processes together never let more through than the limit.
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

HANDFULS = 50
"""Into how many handfuls a limit is divided."""
MAXIMUM_KEYS = 10_000
"""How many keys a process remembers; the storage forgets a key when its window ends."""
PATIENCE_SECONDS = 0.25
"""How long Redis may take."""
PAUSE_SECONDS = 1.0
"""How long everything is let through, and Redis is left alone, after it did not answer."""
OFF = ("", "0")


REJECTED = Counter("basket_rate_limit_rejections", "Requests rejected: too many came.")
UNANSWERED = Counter(
    "basket_rate_limit_unavailable",
    "Questions that the store of the rate limit did not answer; requests were let through.",
)


class RateLimited(Exception):
    """Raised when a limit is passed; says after how many seconds a request will be let through again."""

    def __init__(self, limit: str, seconds: int) -> None:
        super().__init__(f"The limit of {limit} is passed; try again in {seconds} seconds.")
        self.seconds = seconds


class _Allowance:
    """What a process may still let through for a key, until when; or until when it lets nothing through."""

    __slots__ = ("buying", "left", "rejected_until", "until")

    def __init__(self) -> None:
        self.left = 0
        self.until = 0.0
        self.rejected_until = 0.0
        self.buying = asyncio.Lock()


class RateLimit:
    """One limit, for many keys. A key is a digest or an address, never a token."""

    def __init__(self, name: str, text: str, storage: Storage) -> None:
        self.name = name
        self.text = text
        self.item: RateLimitItem = parse(text)
        self.window = float(self.item.get_expiry())
        self.handful = max(1, self.item.amount // HANDFULS)
        self.storage = storage
        self.allowances: dict[str, _Allowance] = {}
        self.paused_until = 0.0

    async def take(self, key: str, hits: int = 1) -> None:
        """Counts hits of a key; raises RateLimited when there are too many."""
        now = time.monotonic()
        allowance = self.allowances.get(key)
        if allowance is not None and allowance.left >= hits and now < allowance.until:
            allowance.left -= hits
        elif now >= self.paused_until:
            await self._buy(key, allowance or self._remembered(key), hits)

    def _remembered(self, key: str) -> _Allowance:
        if len(self.allowances) >= MAXIMUM_KEYS:
            del self.allowances[next(iter(self.allowances))]
        allowance = self.allowances[key] = _Allowance()
        return allowance

    async def _buy(self, key: str, allowance: _Allowance, hits: int) -> None:
        async with allowance.buying:
            now = time.monotonic()
            if now < self.paused_until:
                return
            if allowance.left < hits or now >= allowance.until:
                self._check_rejected(allowance, now)
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        window_end = await self._ask(
                            key, allowance, max(hits, self.handful)
                        )
                except (RedisError, OSError):
                    UNANSWERED.inc()
                    self.paused_until = time.monotonic() + PAUSE_SECONDS
                    return
                if allowance.left < hits:
                    allowance.left, allowance.rejected_until = 0, window_end
                    self._check_rejected(allowance, now)
            allowance.left -= hits

    def _check_rejected(self, allowance: _Allowance, now: float) -> None:
        if now < allowance.rejected_until:
            REJECTED.inc()
            raise RateLimited(
                self.text,
                min(math.ceil(allowance.rejected_until - now), math.ceil(self.window)),
            )

    async def _ask(self, key: str, allowance: _Allowance, count: int) -> float:
        """Counts a handful in the storage and returns when the window ends; what lies beyond the limit is not ours."""
        name = self.item.key_for(self.name, key)
        total = await self.storage.incr(name, self.item.get_expiry(), amount=count)
        rest = (
            self.window
            if total == count
            else await self.storage.get_expiry(name) - time.time()
        )
        if rest > self.window + 1:
            # The clock was set back: the storage would keep the window for as long again.
            await self.storage.clear(name)
            rest = self.window
        rest = max(rest, 0.5)
        now = time.monotonic()
        left = allowance.left if now < allowance.until else 0
        allowance.left = left + max(0, min(count, self.item.amount - (total - count)))
        # Redis tells whole seconds, so hits may be used half a second after the window. Were they given up before it
        # may end, each request of the last second would buy a handful and waste it, and soon pass the limit.
        allowance.until = now + rest
        return now + rest


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of tokens and of addresses; None where there is none."""

    token: RateLimit | None
    address: RateLimit | None


@asynccontextmanager
async def rate_limits(
    server: RedisServer | None, *, token: str, address: str
) -> AsyncIterator[RateLimits]:
    """Keeps the limits, in Redis when there is one. A limit reads like "6000/minute"; empty or 0 is none."""
    async with _storage(server) as storage:
        made = [
            None if text.strip() in OFF else RateLimit(name, text, storage)
            for name, text in (("token", token), ("address", address))
        ]
        yield RateLimits(*made)


@asynccontextmanager
async def _storage(server: RedisServer | None) -> AsyncIterator[Storage]:
    if server is None:
        yield MemoryStorage()
        return
    async with server.connect_async(PATIENCE_SECONDS) as client:
        yield RedisStorage(
            # The connections decide where to; the library only wants to see an address of Redis.
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{server.prefix}-limit",
            connection_pool=client.connection_pool,  # type: ignore[arg-type] # its annotation forgot pools
        )
