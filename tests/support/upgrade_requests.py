"""Requests that ask for another protocol."""

import json

from tests.support.raw_http import TOKEN, RawAnswer

QUERY = b'{"query": "{ viewer { email } }"}'


MAIN = {"data": {"viewer": {"email": "main@demo.invalid"}}}


HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + TOKEN


LAST = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: last\r\n\r\n"
)


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: smuggled\r\n\r\n"


UPGRADES = (
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    b"Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n",
    b"connection:upgrade\r\nupgrade: TLS/1.3, basket/7\r\n",
    b"Connection: x\r\nConnection: UPGRADE\r\nUpgrade: a\r\nUpgrade: b\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
)


WEBSOCKET = UPGRADES[-1]
"""The one by which a GET of /graphql opens a WebSocket; the other that names it has no key."""


def sized(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Writes a request with a length, as its head and its body."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body), body


def chunked(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Writes a request in two chunks, as its head and its body."""
    chunks = (body[:7], body[7:], b"")
    written = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return head + b"Transfer-Encoding: chunked\r\n\r\n", b"".join([*written, b"0\r\n\r\n"])


def contents(answers: list[RawAnswer]) -> list[object]:
    """Returns the JSON of final answers."""
    return [json.loads(answer.body) for answer in answers if answer.status >= 200]
