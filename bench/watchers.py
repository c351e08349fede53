"""Watchers of the benchmark: WebSockets that cost the measuring process as little as possible."""

import asyncio
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import orjson

_VERSION = re.compile(rb'"version":(\d+)')
_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Token {token}\r\n\r\n"
)
_TEXT, _PING, _PONG, _CLOSE = 0x81, 0x89, 0x8A, 0x88
AT_A_TIME = 50
"""Handshakes at a time, fewer than wait in the server's queue."""


class WatcherFailed(OSError):
    """Raised when a watcher is turned away, or loses its connection."""


class Watcher(asyncio.Protocol):
    """One subscription; `told` gets every version, as soon as its event is here."""

    def __init__(self, token: str, document: str, told: Callable[[int], object]) -> None:
        self.first = asyncio.get_running_loop().create_future()
        self._token = token
        self._document = document
        self._told = told
        self._data = b""
        self._has_begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the handshake and, without waiting for its answer, the subscription."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio says so
        self._transport = transport
        transport.write(_HANDSHAKE.format(token=self._token).encode())

    def data_received(self, data: bytes) -> None:
        """Takes whole frames off what has come."""
        self._data += data
        if not self._has_begun:
            self._begin()
        while self._has_begun and (frame := self._take_frame()):
            self._act(*frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails a watcher that has not been told anything yet."""
        if not self.first.done():
            reason = self._data[:500].decode(errors="replace")
            self.first.set_exception(WatcherFailed(f"A watcher was turned away: {reason}"))

    def close(self) -> None:
        """Leaves without a word."""
        self._transport.abort()

    def _begin(self) -> None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if end and b" 101 " in head:
            self._has_begun, self._data = True, rest
            self._send(_TEXT, orjson.dumps({"type": "connection_init"}))
            payload = {"query": self._document}
            message = {"type": "subscribe", "id": "1", "payload": payload}
            self._send(_TEXT, orjson.dumps(message))

    def _take_frame(self) -> tuple[int, bytes] | None:
        """Returns the next whole frame; of its length, the first byte tells the form."""
        data = self._data
        if len(data) < 2:
            return None
        length, start = data[1], 2
        if length >= 126:
            form, start = ("!H", 4) if length == 126 else ("!Q", 10)
            if len(data) < start:
                return None
            (length,) = struct.unpack(form, data[2:start])
        if len(data) < start + length:
            return None
        self._data = data[start + length :]
        return data[0], data[start : start + length]

    def _act(self, kind: int, content: bytes) -> None:
        if kind == _PING:
            self._send(_PONG, content)
        elif kind == _CLOSE:
            self._data = content
            self._transport.abort()
        elif b'"next"' in content[:40]:
            found = _VERSION.search(content)
            self._told(int(found[1]) if found else 0)
            if not self.first.done():
                self.first.set_result(None)

    def _send(self, kind: int, content: bytes) -> None:
        # A client has to mask what it sends; with a mask of zeros the content stays as it is.
        size = len(content)
        length = (
            bytes([0x80 | size])
            if size < 126
            else bytes([0x80 | 126]) + struct.pack("!H", size)
        )
        self._transport.write(bytes([kind]) + length + bytes(4) + content)


async def open_watchers(
    port: int, tokens: Iterable[str], document: str, told: Callable[[int, int], object]
) -> Sequence[Watcher]:
    """Opens a watcher per token and waits until each was told the present state.

    `told` gets the number of the watcher, from 0, and the version.
    """
    loop, places = asyncio.get_running_loop(), asyncio.Semaphore(AT_A_TIME)

    async def open_one(number: int, token: str) -> Watcher:
        async with places:
            _, watcher = await loop.create_connection(
                lambda: Watcher(token, document, lambda version: told(number, version)),
                "127.0.0.1",
                port,
            )
            await watcher.first
            return watcher

    return await asyncio.gather(*(open_one(*each) for each in enumerate(tokens)))


async def close_watchers(watchers: Iterable[Watcher]) -> None:
    """Closes all watchers."""
    for watcher in watchers:
        with suppress(OSError):
            watcher.close()
    await asyncio.sleep(0)
