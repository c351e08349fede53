"""Persisted queries: texts that clients have sent with their hashes, known to this process."""

import re

from models.document import hash_document
from web.documents.shared import SharedQueries
from web.documents.texts import TextCache

CACHE_BYTES = 8 * 2**20
"""The size of the persisted queries in a process."""
LARGEST_BYTES = 32_768
"""The largest text that is stored; a longer one is executed, and sent again by its client."""

_HASH = re.compile(r"[0-9a-f]{64}")


class PersistedQueries:
    """The texts in the memory of this process and, where Redis is configured, of the others."""

    def __init__(self) -> None:
        self.shared: SharedQueries | None = None
        self.texts = TextCache(CACHE_BYTES)
        """The texts in memory."""

    async def find(self, digest: str) -> str | None:
        """Returns a text that another process has stored."""
        # What a client sends as a hash becomes a part of a key.
        if self.shared is None or not _HASH.fullmatch(digest):
            return None
        text = await self.shared.find(digest)
        if text is not None:
            self.texts.add(digest, text)
        return text

    async def store(self, text: str) -> None:
        """Stores the text of a valid document."""
        if len(text.encode(errors="replace")) > LARGEST_BYTES:
            return
        # The hash that was sent was compared with this one already.
        digest = hash_document(text)
        if self.texts.get(digest) is None:
            self.texts.add(digest, text)
            if self.shared is not None:
                await self.shared.store(digest, text)
