"""A cache of what belongs to users, within one bound of bytes: that which was used last."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class OfUser(Protocol):
    """A key with the user whom the value belongs to."""

    @property
    def user_id(self) -> int: ...


Key = TypeVar("Key", bound=OfUser)
Value = TypeVar("Value")


class UserCache(Generic[Key, Value]):
    """Values of one process by their keys; a bound of 0 bytes caches none.

    `on_growth` is told the bytes by which it grows or shrinks.
    """

    def __init__(
        self, maximum_bytes: int, on_growth: Callable[[int], None] | None = None
    ) -> None:
        self.maximum_bytes = maximum_bytes
        self.size = 0
        """The bytes of all cached values."""
        self._on_growth = on_growth
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._sizes: dict[Key, int] = {}
        self._keys: dict[int, set[Key]] = {}

    def find(self, key: Key) -> Value | None:
        """Returns a cached value, which is then the one that was used last."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def has(self, key: Key, value: Value) -> bool:
        """Whether this very value is cached."""
        return self._values.get(key) is value

    def store(self, key: Key, value: Value, size: int) -> None:
        """Caches a value, or counts its size anew; evicts those that were unused for longest."""
        self._remove(key)
        if size > self.maximum_bytes:
            return
        self._values[key] = value
        self._sizes[key] = size
        self._keys.setdefault(key.user_id, set()).add(key)
        self._count(size)
        while self.size > self.maximum_bytes:
            self._remove(next(iter(self._values)))

    def forget(self, user_id: int) -> None:
        """Drops all values of a user."""
        for key in tuple(self._keys.get(user_id, ())):
            self._remove(key)

    def _remove(self, key: Key) -> None:
        if self._values.pop(key, None) is None:
            return
        self._count(-self._sizes.pop(key))
        keys = self._keys[key.user_id]
        keys.discard(key)
        if not keys:
            del self._keys[key.user_id]

    def _count(self, size: int) -> None:
        self.size += size
        if self._on_growth is not None:
            self._on_growth(size)
