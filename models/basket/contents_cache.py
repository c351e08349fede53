"""The contents of active baskets, as this process read or changed them last.

A change of a basket that is known here returns only what it changed, and a read only the state.
Nothing in this cache is believed: each time the database compares basket, version and time.
"""

from typing import Any, NamedTuple

from models.basket.contents import Contents, ItemTexts, Revisions
from models.user_cache import UserCache

_NOTE_BYTES = 1_000
"""The size of a note without contents."""
_LARGEST_SHARE = 8
"""Contents that would take more than this part of the bound are not kept."""


class ContentsKey(NamedTuple):
    """The user and the segment of an active basket."""

    user_id: int
    segment: int


class Noted(NamedTuple):
    """The state of an active basket, and its contents unless other processes change it."""

    state: list[Any]
    contents: Contents | None


class ContentsCache:
    """The contents of the active baskets of one process, within one bound of bytes."""

    def __init__(self, maximum_bytes: int) -> None:
        self._cache = UserCache[ContentsKey, Noted](maximum_bytes)

    @property
    def size(self) -> int:
        """The bytes of all contents."""
        return self._cache.size

    def find(self, key: ContentsKey) -> "KnownContents | None":
        """Returns the contents of an active basket, as they were last known."""
        noted = self._cache.find(key)
        if noted is None or noted.contents is None:
            return None
        return KnownContents(self, key, noted.contents)

    def store(self, key: ContentsKey, contents: Contents) -> "KnownContents":
        """Keeps contents, as they are after a change or a read."""
        size = contents.size
        is_small = size <= self._cache.maximum_bytes // _LARGEST_SHARE
        noted = Noted(contents.state, contents if is_small else None)
        self._cache.store(key, noted, size if is_small else _NOTE_BYTES)
        return KnownContents(self, key, contents)

    def store_read(self, key: ContentsKey, contents: Contents) -> "KnownContents":
        """Keeps contents that were read, unless the basket moves on between all reads."""
        noted = self._cache.find(key)
        if noted is None or noted.contents or noted.state == contents.state:
            return self.store(key, contents)
        self._note(key, contents.state)
        return KnownContents(self, key, contents)

    def compare(self, key: ContentsKey, state: list[Any]) -> None:
        """Drops contents that are not those of the state that the basket has now.

        Another process changes the basket, so that to check what is known would be in vain again:
        its contents are kept when two reads in a row have found the same.
        """
        noted = self._cache.find(key)
        if noted is not None and noted.contents is not None and noted.state != state:
            self._note(key, [])

    def _note(self, key: ContentsKey, state: list[Any]) -> None:
        self._cache.store(key, Noted(state, None), _NOTE_BYTES)

    def forget(self, user_id: int) -> None:
        """Drops the contents of a user's baskets, which were changed otherwise."""
        self._cache.forget(user_id)

    def count(self, key: ContentsKey, contents: Contents) -> None:
        """Counts the size of contents anew, if they are still kept."""
        noted = self._cache.find(key)
        if noted is not None and noted.contents is contents:
            self.store(key, contents)


class KnownContents:
    """Contents and their place in the cache, for the texts that are made of them."""

    __slots__ = ("_cache", "_key", "contents")

    def __init__(self, cache: ContentsCache, key: ContentsKey, contents: Contents) -> None:
        self._cache = cache
        self._key = key
        self.contents = contents

    def find_texts(
        self, selection: object, revisions: Revisions
    ) -> list[str | None] | None:
        """Returns the texts of the items that are good for these revisions, None for the others."""
        kept = self.contents.texts
        return kept.find(selection, revisions) if kept else None

    def store_texts(
        self, selection: object, texts: list[str | None], revisions: Revisions
    ) -> None:
        """Keeps the texts of all items, in place of those for another selection."""
        self.contents.texts = ItemTexts(
            selection, tuple(texts), tuple(revisions.products), revisions.divisions
        )
        self._cache.count(self._key, self.contents)
