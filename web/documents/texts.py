"""Texts of documents in memory, within a bound of bytes."""

from collections import OrderedDict
from sys import getsizeof

ENTRY_BYTES = 200
"""The size of an entry besides its text and its name."""


class TextCache:
    """The texts that were used last, by their ids or hashes."""

    def __init__(self, maximum_bytes: int) -> None:
        self._maximum_bytes = maximum_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.size = 0
        """The size of all texts, in bytes."""

    def get(self, name: str) -> str | None:
        """Returns a text; None when it is not cached."""
        text = self._texts.get(name)
        if text is not None:
            self._texts.move_to_end(name)
        return text

    def clear(self) -> None:
        """Evicts all texts."""
        self._texts.clear()
        self.size = 0

    def add(self, name: str, text: str) -> None:
        """Caches a text, and evicts those that were unused for longest."""
        if name not in self._texts:
            self.size += _size(name, text)
        self._texts[name] = text
        # One that is larger than the whole cache goes again at once.
        while self.size > self._maximum_bytes:
            self.size -= _size(*self._texts.popitem(last=False))


def _size(name: str, text: str) -> int:
    return getsizeof(name) + getsizeof(text) + ENTRY_BYTES
