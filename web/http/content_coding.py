"""Content codings (RFC 9110, section 8.4): the one that a client prefers, and bodies in it."""

import asyncio
import re
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

from isal import isal_zlib
from starlette.types import Scope

# Python 3.14 has it in the standard library.
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALLEST_BYTES = 1_024
"""The largest body that is sent as it is; a smaller one fits a packet in any case."""
THREAD_BYTES = 524_288
"""The largest body that the event loop compresses itself: it takes a millisecond."""
LONGEST_ACCEPT_ENCODING = 1_000
"""The number of characters of `Accept-Encoding` that are read."""
VARY = (b"vary", b"Accept-Encoding")

_LEVEL = 1
_TIGHTEST_GZIP, _TIGHTEST_ZSTD = 9, 19
_GZIP = 31
"""The window of zlib's interface that stands for gzip's format."""
_PREFERENCE = re.compile(r"([a-z0-9*_.+-]+)(?:\s*;\s*q\s*=\s*([01](?:\.[0-9]*)?))?")
_UNLISTED = 0.0001
"""The weight of an uncompressed body that the client does not mention."""
_ZSTD = zstd.ZstdCompressor(level=_LEVEL)
"""The compressor of the event loop; a new one takes longer to make than a small body."""


class Stream(Protocol):
    """A body that is compressed in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Returns the compressed bytes that are ready, perhaps none."""

    def flush(self) -> bytes:
        """Returns the last compressed bytes."""


class Coding(NamedTuple):
    """A content coding: its name in headers, and its functions."""

    name: bytes
    compress: Callable[[bytes], bytes]
    """Compresses a body in the event loop."""
    compress_beside: Callable[[bytes], bytes]
    """Compresses a body in any other thread."""
    compress_tightly: Callable[[bytes], bytes]
    """Compresses a body that will be sent often; it takes long."""
    open_stream: Callable[[], Stream]

    async def encode(self, body: bytes) -> bytes:
        """Returns a compressed body; a large one is compressed beside the event loop."""
        if len(body) > THREAD_BYTES:
            return await asyncio.to_thread(self.compress_beside, body)
        return self.compress(body)


class Choice(NamedTuple):
    """The coding of a response, None for none, of bodies with more bytes than `smallest`."""

    coding: Coding | None
    smallest: int = SMALLEST_BYTES


def _compress_gzip(body: bytes) -> bytes:
    return isal_zlib.compress(body, _LEVEL, _GZIP)


def _compress_gzip_tightly(body: bytes) -> bytes:
    return zlib.compress(body, _TIGHTEST_GZIP, _GZIP)


def _open_gzip() -> Stream:
    return isal_zlib.compressobj(_LEVEL, wbits=_GZIP)


def _compress_zstd(body: bytes) -> bytes:
    return _ZSTD.compress(body, zstd.ZstdCompressor.FLUSH_FRAME)


def _compress_zstd_beside(body: bytes) -> bytes:
    return zstd.compress(body, level=_LEVEL)


def _compress_zstd_tightly(body: bytes) -> bytes:
    return zstd.compress(body, level=_TIGHTEST_ZSTD)


def _open_zstd() -> Stream:
    return zstd.ZstdCompressor(level=_LEVEL)


ZSTD = Coding(
    b"zstd", _compress_zstd, _compress_zstd_beside, _compress_zstd_tightly, _open_zstd
)
GZIP = Coding(b"gzip", _compress_gzip, _compress_gzip, _compress_gzip_tightly, _open_gzip)
CODINGS = (ZSTD, GZIP)
"""Our codings; of two that a client accepts alike, the first one."""


def choose_coding(scope: Scope) -> Choice:
    """Returns the coding of the response to a request, by its `Accept-Encoding`."""
    lines = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    if not lines:
        return _NO_CHOICE
    return parse_accept_encoding(b",".join(lines)[:LONGEST_ACCEPT_ENCODING])


@lru_cache(256)
def parse_accept_encoding(header: bytes) -> Choice:
    """Returns the coding with the highest weight, if it is not below that of no coding.

    A client that accepts neither one of ours nor an uncompressed body gets the latter.
    """
    weights = _parse_weights(header)
    others = weights.get("*", 0.0)
    identity = weights.get("identity", weights.get("*", _UNLISTED))
    # The first of several with the highest weight.
    coding = max(CODINGS, key=lambda coding: weights.get(coding.name.decode(), others))
    weight = weights.get(coding.name.decode(), others)
    if weight <= 0 or weight < identity:
        return _NO_CHOICE
    return Choice(coding, SMALLEST_BYTES if identity > 0 else 0)


def _parse_weights(header: bytes) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in header.decode("latin-1").lower().split(","):
        if match := _PREFERENCE.fullmatch(part.strip()):
            name = match[1].removeprefix("x-")
            weight = min(float(match[2] or 1), 1.0)
            weights[name] = max(weight, weights.get(name, 0.0))
    return weights


_NO_CHOICE = Choice(None)
