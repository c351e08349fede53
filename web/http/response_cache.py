"""Whole responses in memory, within one bound of bytes: those that were used last.

A response is used only after the check of the very request that it answers; see `versioned.py`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from prometheus_client import Counter, Gauge

from models.basket.check import Subject

ENTRY_BYTES = 1_500
"""The size of a response besides its bytes: its objects and its places in dictionaries."""

USES = Counter(
    "basket_response_cache",
    "Checks of remembered responses: used, out of date, and answered by 304.",
    ["result"],
)
SIZE = Gauge(
    "basket_response_cache_bytes",
    "Bytes of remembered responses.",
    multiprocess_mode="livesum",
)


class ResponseKey(NamedTuple):
    """The user, and all of the request that decides the bytes of a response."""

    user_id: int
    request: bytes
    variables: bytes = b""


class CachedResponse:
    """A response with the state that it is good for; without a body it only notes the state."""

    __slots__ = ("body", "encoded", "states", "subjects", "tag")

    def __init__(
        self, subjects: Sequence[Subject], states: bytes, body: bytes | None
    ) -> None:
        self.subjects = subjects
        self.states = states
        # Never replaced: the response may be on its way to a client.
        self.body = body
        self.encoded: dict[bytes, bytes] = {}
        """The body in content codings, by their names."""
        self.tag = b""

    @property
    def size(self) -> int:
        """The bytes of the response, and of the objects around them."""
        encoded = sum(map(len, self.encoded.values()))
        return ENTRY_BYTES + len(self.states) + len(self.body or b"") + encoded


class ResponseCache:
    """The responses of one process; a bound of 0 bytes caches none."""

    def __init__(self, maximum_bytes: int) -> None:
        self.maximum_bytes = maximum_bytes
        self.size = 0
        """The bytes of all cached responses."""
        self._responses: OrderedDict[ResponseKey, CachedResponse] = OrderedDict()
        self._sizes: dict[ResponseKey, int] = {}
        self._keys: dict[int, set[ResponseKey]] = {}

    def find(self, key: ResponseKey) -> CachedResponse | None:
        """Returns a cached response, which is then the one that was used last."""
        response = self._responses.get(key)
        if response is not None:
            self._responses.move_to_end(key)
        return response

    def has(self, key: ResponseKey, response: CachedResponse) -> bool:
        """Whether this very response is cached."""
        return self._responses.get(key) is response

    def store(self, key: ResponseKey, response: CachedResponse) -> None:
        """Caches a response, or counts its size anew; evicts those that were unused for longest."""
        self._remove(key)
        # The key's own texts are in no other object.
        size = response.size + len(key.request) + len(key.variables)
        if size > self.maximum_bytes:
            return
        self._responses[key] = response
        self._sizes[key] = size
        self._keys.setdefault(key.user_id, set()).add(key)
        self._count(size)
        while self.size > self.maximum_bytes:
            self._remove(next(iter(self._responses)))

    def forget(self, user_id: int) -> None:
        """Drops the responses to a user, whose baskets have just changed: no check would help."""
        for key in tuple(self._keys.get(user_id, ())):
            self._remove(key)

    def _remove(self, key: ResponseKey) -> None:
        if self._responses.pop(key, None) is None:
            return
        self._count(-self._sizes.pop(key))
        keys = self._keys[key.user_id]
        keys.discard(key)
        if not keys:
            del self._keys[key.user_id]

    def _count(self, size: int) -> None:
        self.size += size
        SIZE.inc(size)
