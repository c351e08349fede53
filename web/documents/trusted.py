"""Trusted documents as a server process knows them.

A process has the ids of all of them in memory, so that an id that nobody added needs no query: the
database is asked once a second at most whether there are others by now.
"""

import asyncio
import time
from collections.abc import Mapping

from models.document import HASH_PREFIX, Stamp, read_digests, read_stamp, read_text
from web.documents.texts import TextCache

CACHE_BYTES = 16 * 2**20
"""The size of the texts in a process; those beyond it are read when they are used."""
MISS_SECONDS = 1.0
"""Seconds after a look into the database for which an unknown id stays unknown."""


class TrustedDocuments:
    """Finds the text of an id; a hot one by a look-up in memory."""

    def __init__(self, miss_seconds: float = MISS_SECONDS) -> None:
        self._miss_seconds = miss_seconds
        self._stamp: Stamp | None = None
        self._digests: Mapping[str, str] = {}
        self._known = frozenset[str]()
        self.texts = TextCache(CACHE_BYTES)
        """The texts that were used last."""
        self._checked_at = float("-inf")
        self._check: asyncio.Task[None] | None = None

    async def find(self, name: str) -> str | None:
        """Returns the text of an id or a hash; None when nobody added it."""
        digest = self._find_digest(name)
        if digest is None:
            await self._look_for_new()
            digest = self._find_digest(name)
            if digest is None:
                return None
        text = self.texts.get(name)
        if text is None:
            text = await read_text(digest)
            # Unless it was removed meanwhile: nothing would evict it then.
            if text is not None and self._find_digest(name) == digest:
                self.texts.add(name, text)
        return text

    async def update(self) -> None:
        """Notices removed documents, if any was ever asked for."""
        if self._stamp is not None:
            await self._read_once()

    def _find_digest(self, name: str) -> str | None:
        digest = self._digests.get(name)
        if digest is not None:
            return digest
        # Whatever its manifest calls it, every text also has its hash.
        digest = name.removeprefix(HASH_PREFIX)
        return digest if digest in self._known else None

    async def _look_for_new(self) -> None:
        if time.monotonic() - self._checked_at >= self._miss_seconds:
            await self._read_once()

    async def _read_once(self) -> None:
        # One look for all that miss meanwhile, in a task that none of their requests can cancel.
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._read_digests())
        await asyncio.shield(self._check)

    async def _read_digests(self) -> None:
        # Before the query: what is added while it runs must not wait for longer.
        checked_at = time.monotonic()
        stamp = await read_stamp()
        if stamp != self._stamp:
            # Read after the stamp: at worst they are newer, and read once more.
            self._digests = await read_digests()
            self._known = frozenset(self._digests.values())
            self._stamp = stamp
            # Some of them may be gone; those in use are read again.
            self.texts.clear()
        self._checked_at = checked_at
