"""Whole responses in memory, within one bound of bytes: those that were used last.

A response is used only after the check of the very request that it answers; see `versioned.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from prometheus_client import Counter, Gauge

from models.basket.check import Subject
from models.user_cache import UserCache

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


class ResponseCache(UserCache[ResponseKey, CachedResponse]):
    """The responses of one process; `forget` is for a user whose baskets have just changed."""

    def __init__(self, maximum_bytes: int) -> None:
        super().__init__(maximum_bytes, SIZE.inc)

    def keep(self, key: ResponseKey, response: CachedResponse) -> None:
        """Caches a response, or counts its size anew."""
        # The key's own texts are in no other object.
        self.store(key, response, response.size + len(key.request) + len(key.variables))
