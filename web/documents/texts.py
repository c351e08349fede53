"""Texts of documents in memory, within a bound of bytes."""

from collections import OrderedDict
from sys import getsizeof

ENTRY_BYTES = 200
"""The size of an entry besides its text and its hash."""


class TextCache:
    """The texts that were used last, by their hashes."""

    def __init__(self, maximum_bytes: int) -> None:
        self._maximum_bytes = maximum_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.size = 0
        """The size of all texts, in bytes."""

    def get(self, digest: str) -> str | None:
        """Returns a text; None when it is not cached."""
        text = self._texts.get(digest)
        if text is not None:
            self._texts.move_to_end(digest)
        return text

    def add(self, digest: str, text: str) -> None:
        """Caches a text, and evicts those that were unused for longest."""
        if digest not in self._texts:
            self.size += _size(digest, text)
        self._texts[digest] = text
        # One that is larger than the whole cache goes again at once.
        while self.size > self._maximum_bytes:
            self.size -= _size(*self._texts.popitem(last=False))


def _size(digest: str, text: str) -> int:
    return getsizeof(digest) + getsizeof(text) + ENTRY_BYTES
