"""HTTP/1.1 with limits on how a request arrives, which uvicorn's protocol waits for without end."""

import asyncio
from asyncio import TimerHandle
from typing import Any
from weakref import ref

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from web.http.connection_limits import ConnectionLimits
from web.http.json_response import write_error
from web.http.keep_alive import match_keep_alive
from web.http.sockets import has_data
from web.http.stream_connection import CYCLE
from web.http.unread_output import UnreadOutputProtocol
from web.http.upgrade import head_without_upgrade, is_handshake, target_from_url
from web.http.websocket import SHUTDOWN_SECONDS, WebSocketProtocol

ARRIVAL_SECONDS = 1.0
"""Seconds that a new connection has for its first request when the server is ending."""
FRAMING_PER_BYTE = 16
"""Bytes, besides the limit of heads, that may frame each byte of a chunked body."""


class PunctualProtocol(UnreadOutputProtocol):
    """uvicorn's protocol with timeouts of heads and bodies, a limit of heads, and JSON errors.

    A request that comes in one packet, as nearly all do, needs no timer. A GET without a body may
    become a WebSocket. Every other upgrade is ignored, as HTTP allows: the body of its request is
    read like any other.

    The application's state has the limits, so that uvicorn can make it by its name alone.
    """

    arriving: str | None = "nothing"
    timer: TimerHandle | None = None
    head_bytes = 0
    packet_bytes = 0
    framing_bytes = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # uvicorn's own one, chosen by its command line, has none of our bounds.
        if self.ws_protocol_class is not None:
            self.ws_protocol_class = WebSocketProtocol
        self.limits: ConnectionLimits = app_state["connection_limits"]
        self.send_seconds = self.limits.send_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timeout of the first head."""
        super().connection_made(transport)
        if self.client is not None:
            # To a socket that serves both families, IPv4 is a part of IPv6.
            host, port = self.client
            self.client = host.removeprefix("::ffff:"), port
        self._start_timer(self.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timeout, and tells the request in progress, even when others wait behind it."""
        self._stop_timer()
        super().connection_lost(exc)
        if self.running is not None and self.running is not self.cycle:
            self.running.disconnected = True
            self.running.message_event.set()

    def parse(self, data: bytes) -> None:
        """Parses a packet, and starts a timeout when the request is not complete."""
        before = self.arriving
        self.packet_bytes = len(data)
        # As in uvicorn's own method, replaced because it drops what follows an upgrade.
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._should_upgrade():
                return self._become_websocket(rest)
            self._parse_without_upgrade(rest)
        if self.transport.is_closing():
            return
        if self.arriving == "head":
            self.head_bytes += len(data)
            if self.head_bytes > self.limits.head_bytes:
                return self._reject_head()
        elif self.arriving == before == "body":
            # `on_body` takes the content off again, so only extensions and trailer fields add up.
            self.framing_bytes += len(data)
            if self.framing_bytes > self.limits.head_bytes:
                return self._reject_framing()
        if self.arriving != before or self.timer is None:
            self._stop_timer()
            if self.arriving is not None:
                self._start_timer(self._timeout())

    def on_message_begin(self) -> None:
        """Begins with the head of a request."""
        super().on_message_begin()
        self.arriving, self.head_bytes, self.framing_bytes = "head", 0, 0

    def on_headers_complete(self) -> None:
        """Goes on to the body."""
        if self.parser.should_upgrade():
            # The body is skipped; the next parser gets the head without the upgrade.
            return
        if self.head_bytes + self.packet_bytes > self.limits.head_bytes:
            self._check_head()
        super().on_headers_complete()
        # A streamed response must get to its cycle, which has the scope: a strong reference would
        # leave every request to the garbage collection.
        self.scope[CYCLE] = ref(self.cycle)  # type: ignore[literal-required]
        self.arriving = "body"
        # The trailer fields of a chunked body are no headers: they go into a list of their own.
        self.headers = []
        if self.expect_100_continue:
            # It cannot be known whether a client sends its body after it was rejected.
            self.cycle.keep_alive = False
        match_keep_alive(self.cycle)

    def on_body(self, body: bytes) -> None:
        """Takes a piece of the body."""
        self.framing_bytes -= (1 + FRAMING_PER_BYTE) * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Has the whole request."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self.arriving = None

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Gives a new parser the head again, without its upgrade, and the rest of the packet."""
        is_upgrade = True
        while is_upgrade:
            is_upgrade, method = False, self.parser.get_method()
            if method == b"CONNECT":
                return self.send_400_response("CONNECT is not served here.")
            version = self.parser.get_http_version()
            data = head_without_upgrade(method, self.url, version, self.headers) + rest
            self.parser = httptools.HttpRequestParser(self)
            # As uvicorn sets its own parser: data after `Connection: close` is no error.
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
            except httptools.HttpParserUpgrade as upgrade:
                # The next request in the packet asks for one, too.
                is_upgrade, rest = True, data[upgrade.args[0] :]

    def _should_upgrade(self) -> bool:
        """Whether the request that was read last opens a WebSocket, and all others are answered."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        is_free = self._should_upgrade_to_ws() and not self._is_answering()
        return is_free and is_handshake(method, self.url, version, self.headers)

    def _become_websocket(self, rest: bytes) -> None:
        """Hands the connection over, with all that came after the head."""
        if self._measure_head() > self.limits.head_bytes:
            return self._reject_head()
        try:
            self.url = target_from_url(self.url)
        except ValueError:
            return self.send_400_response("Invalid HTTP request received.")
        self._stop_timer()
        self.scope["method"] = "GET"
        self.handle_websocket_upgrade()
        # It calls our methods, and so is in a cycle of references.
        self.parser = None  # type: ignore[assignment]
        protocol = self.transport.get_protocol()
        if rest and isinstance(protocol, WebSocketProtocol):
            protocol.data_received(rest)

    def _measure_head(self) -> int:
        sizes = [len(name) + len(value) + 4 for name, value in self.headers]
        return len(self.url) + sum(sizes)

    def _check_head(self) -> None:
        """Rejects a whole head that is too large, and raises an error that ends the parsing."""
        size = self._measure_head()
        if size > self.limits.head_bytes:
            self._reject_head()
            # It stops llhttp; `send_400_response` then sees the transport closing.
            raise ValueError(f"The head has {size} bytes.")

    def _reject_head(self) -> None:
        maximum = self.limits.head_bytes
        self._reject(431, "HEAD_TOO_LARGE", f"The head is larger than {maximum} bytes.")

    def _reject_framing(self) -> None:
        """Rejects a chunked body with too many bytes of extensions and trailer fields."""
        if self.cycle.response_started:
            self.close()
            return
        maximum = self.limits.head_bytes
        message = f"What is around the chunks of the body is larger than {maximum} bytes."
        self._reject(431, "HEAD_TOO_LARGE", message)

    def shutdown(self) -> None:
        """Ends the connection, after the request that is arriving or has arrived already."""
        if self.running and self.is_streaming():
            self._cut_stream(self.running)
        elif self._is_answering():
            super().shutdown()
        elif self.cycle is None and self.arriving == "nothing":
            # A proxy that has just connected is about to send what it connected for.
            self.loop.call_later(ARRIVAL_SECONDS, self._close_if_idle)
        else:
            self._close_if_idle()

    def _cut_stream(self, cycle: RequestResponseCycle) -> None:
        """Ends a response without its end, so that clients come back for the rest."""
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.close()
        # A client that takes nothing would hold the connection open.
        self.loop.call_later(SHUTDOWN_SECONDS, self.transport.abort)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_idle(self) -> None:
        is_idle = self.arriving in ("nothing", None) and not self.waiting
        is_idle &= not self._is_answering()
        if is_idle and not has_data(self.transport.get_extra_info("socket").fileno()):
            self.close()

    def _start_timer(self, seconds: float) -> None:
        self.timer = self.loop.call_later(seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _timeout(self) -> float:
        head, body = self.limits.head_seconds, self.limits.body_seconds
        return head if self.arriving == "head" else body

    def release(self) -> None:
        """Reads again, and begins the timeout anew."""
        super().release()
        if self.timer is not None:
            self._stop_timer()
            self._start_timer(self._timeout())

    def _give_up(self) -> None:
        if self.flow.is_held:
            # The rest may have come, and is not read.
            return self._start_timer(self._timeout())
        self.timer = None
        is_answerable = self.arriving == "head" and not self._is_answering()
        is_answerable |= self.arriving == "body" and not self.cycle.response_started
        if is_answerable:
            message = (
                f"The {self.arriving} did not arrive within {self._timeout():g} seconds."
            )
            self._reject(408, "REQUEST_TIMEOUT", message)
        else:
            self.close()

    def _reject(self, status: int, code: str, message: str) -> None:
        """Sends an error and closes; an application awaiting the body sees a disconnect."""
        self.transport.write(write_error(status, code, message))
        self.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Rejects malformed HTTP, conflicting lengths included, unless it is answered already."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        self._reject(400, "BAD_REQUEST", msg)
