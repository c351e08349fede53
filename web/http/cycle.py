"""uvicorn's cycle of a request and its response, in fewer steps where nothing is unusual.

A whole response is one packet and one system call instead of two, and an idle connection has one
timer, not one per response.
"""

import asyncio
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.types import Message, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from web.http.flow import Flow

Headers = list[tuple[bytes, bytes]]

WHOLE = "basket.whole"
"""The key of a start of a response whose whole body is the next message."""
CLOSE = (b"connection", b"close")
CACHED_TARGET = 200
"""The longest target of a request, in bytes, that is parsed once for all requests."""


async def send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Sends a response whose body, if it has one, is as long as its headers say."""
    kind = "http.response.start"
    await send({"type": kind, "status": status, "headers": headers, WHOLE: True})
    await send({"type": "http.response.body", "body": body})


class Cycle(RequestResponseCycle):
    """A cycle that writes a whole response at once."""

    _start: Message | None = None

    async def send(self, message: Any) -> None:
        """Sends a message, or holds the start of a whole response back until its body comes."""
        start, self._start = self._start, None
        if start is not None and message["type"] == "http.response.body":
            self._write(start["status"], start["headers"], message["body"])
        elif WHOLE in message and self._is_plain():
            self._start = message
        else:
            await super().send(message)

    def _is_plain(self) -> bool:
        is_begun = self.response_started or self.disconnected
        return not (is_begun or self.flow.write_paused or self.access_log)

    def _write(self, status: int, headers: Headers, body: bytes) -> None:
        headers = self.default_headers + headers
        if CLOSE in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append(CLOSE)
        lines = [STATUS_LINE[status]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        # uvicorn looks for control characters in every name and value.
        if head.count(b"\n") != len(headers) + 2:
            raise RuntimeError("A header of the response has a line break.")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        is_head = self.scope["method"] == "HEAD"
        self.transport.writelines((head,) if is_head or not body else (head, body))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class CycleProtocol(HttpToolsProtocol):
    """uvicorn's protocol with such cycles, and with one timer for all of a connection's pauses."""

    idle_since: float | None = None
    """When the connection became idle, by the event loop's clock; None while it is not."""
    flow: Flow

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Controls the flow so that requests wait for their turn."""
        super().connection_made(transport)
        self.flow = Flow(transport)

    def on_headers_complete(self) -> None:
        """Begins the cycle of a request, as uvicorn's own method does."""
        if self.limit_concurrency is not None:
            super().on_headers_complete()
            return self.flow.hold() if self.pipeline else None
        version, scope = self.parser.get_http_version(), self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        path, raw_path, query = split_target(self.url)
        scope["path"] = self.root_path + path
        scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        scope["query_string"] = query
        before, self.cycle = self.cycle, self._make_cycle(version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.hold()
            self.pipeline.appendleft((self.cycle, self.app))
        return None

    def _make_cycle(self, version: str) -> Cycle:
        return Cycle(
            self.scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_response_complete(self) -> None:
        """Goes on to the next request of the connection, if it has come, or waits for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.close()
        elif self.flow.is_held or self.flow.write_paused:
            self.go_on()
        else:
            if self.flow.read_paused:
                self.flow.resume_reading()
            self.become_idle()

    def go_on(self) -> None:
        """Starts the request that waits, if one does, and reads again when none is left."""
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.become_idle()
        if not self.pipeline:
            self.release()

    def release(self) -> None:
        """Reads again."""
        self.flow.release()

    def close(self) -> None:
        """Closes the connection when everything is sent."""
        self.transport.close()

    def become_idle(self) -> None:
        """Waits for the next request, for as long as a connection may be idle."""
        self.idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._start_idle_timer(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self.idle_since = None

    def _start_idle_timer(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Closes the connection when it has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self.idle_since is None:
            return
        rest = self.idle_since + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self._start_idle_timer(rest)
        elif not self.transport.is_closing():
            self.close()


def split_target(target: bytes) -> tuple[str, bytes, bytes]:
    """Returns the path of a request's target as text and as it was sent, and the query."""
    is_short = len(target) <= CACHED_TARGET
    return _split_short_target(target) if is_short else _parse_target(target)


def _parse_target(target: bytes) -> tuple[str, bytes, bytes]:
    parsed = httptools.parse_url(target)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""


_split_short_target = lru_cache(1_024)(_parse_target)
