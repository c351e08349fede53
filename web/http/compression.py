"""Compressed responses, by the `Accept-Encoding` of their requests."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.content_coding import (
    THREAD_BYTES,
    VARY,
    Choice,
    Coding,
    Stream,
    choose_coding,
)

Headers = list[tuple[bytes, bytes]]

_COMPRESSIBLE = (
    b"text/",
    b"application/json",
    b"application/graphql-response+json",
    b"application/javascript",
    b"application/openmetrics-text",
    # xls; an xlsx is a zip file, and compressed already.
    b"application/vnd.ms-excel",
)
_EVENT_STREAM = b"text/event-stream"


class Compression:
    """ASGI middleware that compresses responses of text and says that they vary."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            send = _CompressedSend(scope, send)
        await self.app(scope, receive, send)


def is_compressible(content_type: bytes) -> bool:
    """Whether bodies of a media type become smaller; streams of events are never compressed."""
    content_type = content_type.lower()
    return content_type.startswith(_COMPRESSIBLE) and not content_type.startswith(
        _EVENT_STREAM
    )


class _CompressedSend:
    """Sends one response; its start is held back until the length of its body is known."""

    __slots__ = ("_choice", "_coding", "_scope", "_send", "_start", "_stream")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._choice = Choice(None)
        self._coding: Coding | None = None
        self._stream: Stream | None = None

    async def __call__(self, message: Message) -> None:
        """Sends a message of the response, or holds its start back."""
        if message["type"] == "http.response.start":
            await self._take_start(message)
        elif self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif self._stream is not None:
            await self._go_on(self._stream, message)
        else:
            await self._send(message)

    async def _take_start(self, start: Message) -> None:
        headers = start["headers"] = list(start["headers"])
        if self._varies(start["status"], dict(headers)):
            _add_vary(headers)
            self._choice = choose_coding(self._scope)
            self._coding = self._choice.coding
            if self._coding and self._scope["method"] == "HEAD":
                _describe_unsent_body(headers, self._choice.smallest)
            elif self._coding and start["status"] == 304:
                _weaken_etag(headers)
            elif self._coding and self._may_compress(start["status"]):
                self._start = start
                return
        await self._send(start)

    def _varies(self, status: int, headers: dict[bytes, bytes]) -> bool:
        if b"content-encoding" in headers:
            return False
        return status == 304 or is_compressible(headers.get(b"content-type", b""))

    def _may_compress(self, status: int) -> bool:
        # A client that wants ranges counts the bytes of the file itself.
        has_range = any(name == b"range" for name, _ in self._scope["headers"])
        return not has_range and status >= 200 and status not in (204, 206)

    async def _begin(self, start: Message, message: Message) -> None:
        """Sends the start and the first piece of the body, which mostly is all of it."""
        coding, smallest = self._choice
        body: bytes = message.get("body", b"")
        headers: Headers = start["headers"]
        if message.get("more_body", False):
            # uvicorn would send chunks, which HTTP/1.0 does not know.
            is_framed = self._scope["http_version"] != "1.0"
            if coding and is_framed and _announced_length(headers) > smallest:
                start["headers"] = encoded_headers(headers, coding)
                self._stream = coding.open_stream()
                await self._send(start)
                await self._go_on(self._stream, message)
                return
        elif coding and len(body) > smallest:
            body = await coding.encode(body)
            start["headers"] = encoded_headers(headers, coding)
            start["headers"].append((b"content-length", str(len(body)).encode()))
            message = {"type": "http.response.body", "body": body}
        await self._send(start)
        await self._send(message)

    async def _go_on(self, stream: Stream, message: Message) -> None:
        body: bytes = message.get("body", b"")
        if len(body) > THREAD_BYTES:
            body = await asyncio.to_thread(stream.compress, body)
        else:
            body = stream.compress(body)
        if not message.get("more_body", False):
            body += stream.flush()
        await self._send({**message, "body": body})


def encoded_headers(headers: Headers, coding: Coding) -> Headers:
    """Returns the headers of a body in a coding, without its length, and with a weak ETag."""
    kept = [header for header in headers if header[0] != b"content-length"]
    kept.append((b"content-encoding", coding.name))
    _weaken_etag(kept)
    return kept


def _describe_unsent_body(headers: Headers, smallest: int) -> None:
    """Makes the headers of HEAD those of GET, whose compressed length is not known."""
    if _announced_length(headers) > smallest:
        headers[:] = [header for header in headers if header[0] != b"content-length"]
        _weaken_etag(headers)


def _announced_length(headers: Headers) -> float:
    """Returns the length of the body in bytes, infinity where it is not announced."""
    return float(dict(headers).get(b"content-length", b"inf"))


def _add_vary(headers: Headers) -> None:
    for index, (name, value) in enumerate(headers):
        if name == b"vary":
            if VARY[1] not in value:
                headers[index] = (name, value + b", " + VARY[1])
            return
    headers.append(VARY)


def _weaken_etag(headers: Headers) -> None:
    """Makes an ETag weak: the compressed bytes are others, and have no ranges."""
    for index, (name, value) in enumerate(headers):
        if name == b"etag" and not value.startswith(b"W/"):
            headers[index] = (name, b"W/" + value)
