"""Persisted queries in Redis, for all server processes together.

Redis has a fixed number of places, each for one text: the beginning of a hash says which. A text
takes the place of another one there, which its client then sends again. So clients that send more
and more texts never fill a Redis that also holds jobs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.document import hash_document

FORMAT = 1
"""The number of the values' format, a text in UTF-8; it is in the names of the keys."""
PLACE_DIGITS = 3
"""The digits of a hash that name its place, so that there are 4,096."""
KEPT_SECONDS = 7 * 86_400
"""Seconds until a text expires, counted from the last time that a process asked for it."""
TIMEOUT_SECONDS = 0.25
"""Timeout of one answer of Redis, in seconds."""
PAUSE_SECONDS = 1.0
"""Seconds for which Redis is not asked after it did not answer."""


class SharedQueries:
    """The persisted queries of all processes. While Redis does not answer, it knows none."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = f"{prefix}-document-{FORMAT}"
        self._paused_until = 0.0

    async def find(self, digest: str) -> str | None:
        """Returns the text with a hash; None when it is not there."""
        commands = self._client.pipeline(transaction=False)
        commands.get(self._key(digest))
        # One that is in use does not expire. Redis 6.0 has no command for both.
        commands.expire(self._key(digest), KEPT_SECONDS)
        results = await self._ask(commands.execute)
        if not results or results[0] is None:
            return None
        text = str(results[0], errors="replace")
        # Another text may have its place, and others may write to Redis: nothing there is trusted.
        return text if hash_document(text) == digest else None

    async def store(self, digest: str, text: str) -> None:
        """Stores a text, if Redis answers."""
        await self._ask(lambda: self._client.set(self._key(digest), text, ex=KEPT_SECONDS))

    def _key(self, digest: str) -> str:
        return f"{self._prefix}:{digest[:PLACE_DIGITS]}"

    async def _ask(self, command: Callable[[], Awaitable[Any]]) -> Any:
        """Returns the answer of Redis; None when it gives none in time."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await command()
        except (RedisError, OSError):
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            return None
