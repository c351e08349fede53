"""Rows that were read, cached within a bound of bytes, with the texts that were made of them."""

from collections.abc import Mapping, Sequence
from sys import getsizeof
from typing import Any

Key = tuple[int, int | None]
"""The id of a row and its revision, which together stand for contents that never change."""

_ROW_BYTES = 600
"""The size of a row besides its values: its objects and its places in dictionaries."""


class CachedRow:
    """The columns of a row by name, and the JSON texts made of it, by selection."""

    __slots__ = ("_cache", "columns", "size", "texts")

    def __init__(self, columns: Mapping[str, Any], cache: "RowCache | None" = None) -> None:
        self.columns = columns
        self.texts: dict[object, tuple[str | None, str]] = {}
        self.size = _ROW_BYTES + sum(map(getsizeof, columns.values()))
        self._cache = cache

    def store_text(
        self, selection: object, text: str, value: str | None = None
    ) -> tuple[str | None, str]:
        """Stores the text made for a selection, and the value in it that no revision covers."""
        stored = self.texts[selection] = (value, text)
        # A text that this one replaces goes on being counted: the size is never too low.
        size = getsizeof(text) + getsizeof(selection)
        self.size += size
        # The rows of a stored outcome belong to no cache.
        if self._cache is not None:
            self._cache.count(size)
        return stored


class RowCache:
    """Rows by id and revision: those used since the cache was last half full, and those before.

    When one half is full the other is evicted, so a row costs no work on use but a look-up.
    """

    def __init__(self, maximum_bytes: int) -> None:
        self._half_bytes = maximum_bytes // 2
        self._bytes = 0
        self._recent: dict[Key, CachedRow] = {}
        self._older: dict[Key, CachedRow] = {}

    def get(self, key: Key) -> CachedRow | None:
        """Returns the row with these contents; None when it is not cached."""
        row = self._recent.get(key)
        if row is None and (row := self._older.pop(key, None)) is not None:
            self._add(key, row)
        return row

    def get_all(self, keys: Sequence[Key]) -> Sequence[CachedRow | None]:
        """Returns the rows with these contents, None in the place of each that is not cached."""
        # No loop of our own where all were used lately, as in almost all reads.
        rows = list(map(self._recent.get, keys))
        return rows if all(rows) else [self.get(key) for key in keys]

    def add(self, key: Key, columns: Mapping[str, Any]) -> CachedRow:
        """Makes a row and caches it; without a revision nothing would tell that it has changed."""
        row = CachedRow(columns, self)
        if key[1] is not None:
            self._add(key, row)
        return row

    def count(self, size: int) -> None:
        """Notes that the rows in use grew by so many bytes."""
        self._bytes += size
        if self._bytes > self._half_bytes:
            self._older, self._recent, self._bytes = self._recent, {}, 0

    def _add(self, key: Key, row: CachedRow) -> None:
        self._recent[key] = row
        self.count(row.size)

    @property
    def size(self) -> int:
        """The size of all cached rows, in bytes."""
        return sum(
            row.size for half in (self._recent, self._older) for row in half.values()
        )
