"""HTTP/1.1 with limits on how a request arrives: uvicorn's protocol waits for ever for the rest of a head or a body."""

import asyncio
from asyncio import TimerHandle
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import settings
from web.http.draining import has_data
from web.http.json_response import error_response

ARRIVAL_SECONDS = 1.0
"""How long a new connection has for its first request when the server is ending."""


FRAMING_PER_BYTE = 16
"""How many bytes besides REQUEST_MAXIMUM_HEAD_BYTES may frame each byte of a chunked body."""


class PunctualProtocol(HttpToolsProtocol):
    """uvicorn's protocol with time limits on heads and bodies, a size limit on heads, and JSON errors.

    A request that comes in one packet, as nearly all do, needs no timer. An upgrade is ignored, as
    HTTP allows: the body of its request is read like any other.
    """

    arriving: str | None = "nothing"
    timer: TimerHandle | None = None
    head_bytes = 0
    packet_bytes = 0
    framing_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first byte."""
        super().connection_made(transport)
        if self.client is not None:
            # To a socket that serves both families, IPv4 is a part of IPv6.
            host, port = self.client
            self.client = host.removeprefix("::ffff:"), port
        self._wait(settings.REQUEST_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived, and waits for the rest when it is not the whole request."""
        before = self.arriving
        self.packet_bytes = len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        if self.transport.is_closing():
            return
        if self.arriving == "head":
            self.head_bytes += len(data)
            if self.head_bytes > settings.REQUEST_MAXIMUM_HEAD_BYTES:
                return self._reject_head()
        elif self.arriving == before == "body":
            self.framing_bytes += len(data)
            if self.framing_bytes > settings.REQUEST_MAXIMUM_HEAD_BYTES:
                return self._reject_framing()
        if self.arriving != before or self.timer is None:
            self._stop_waiting()
            if self.arriving is not None:
                is_head = self.arriving == "head"
                self._wait(
                    settings.REQUEST_HEAD_SECONDS
                    if is_head
                    else settings.REQUEST_BODY_SECONDS
                )

    def on_message_begin(self) -> None:
        """Begins with the head of a request."""
        super().on_message_begin()
        self.arriving, self.head_bytes, self.framing_bytes = "head", 0, 0

    def on_headers_complete(self) -> None:
        """Goes on to the body."""
        if self._ignores_upgrade():
            return
        if self.head_bytes + self.packet_bytes > settings.REQUEST_MAXIMUM_HEAD_BYTES:
            self._check_head()
        super().on_headers_complete()
        self.arriving = "body"
        # The trailer fields of a chunked body are no headers: they go into a list of their own.
        self.headers = []
        if self.expect_100_continue:
            # It cannot be known whether a client sends its body after it was rejected.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Takes a piece of the body."""
        self.framing_bytes -= (1 + FRAMING_PER_BYTE) * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Has the whole request."""
        if self._ignores_upgrade():
            return
        super().on_message_complete()
        self.arriving = None

    def _parse(self, data: bytes) -> None:
        """Feeds the parser; after an upgrade, a new parser reads the head again without it."""
        while data:
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserError:
                return self.send_400_response("Invalid HTTP request received.")
            except httptools.HttpParserUpgrade as upgrade:
                method, rest = self.parser.get_method(), data[upgrade.args[0] :]
            if method == b"CONNECT":
                return self.send_400_response("CONNECT is not served here.")
            version = self.parser.get_http_version()
            head = _head_without_upgrade(method, self.url, version, self.headers)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            data = head + rest

    def _check_head(self) -> None:
        """Rejects a whole head that is too large, and raises an error that ends the parsing."""
        size = len(self.url) + sum(
            len(name) + len(value) + 4 for name, value in self.headers
        )
        if size > settings.REQUEST_MAXIMUM_HEAD_BYTES:
            self._reject_head()
            raise ValueError(f"The head has {size} bytes.")

    def _reject_head(self) -> None:
        maximum = settings.REQUEST_MAXIMUM_HEAD_BYTES
        self._reject(431, "HEAD_TOO_LARGE", f"The head is larger than {maximum} bytes.")

    def _reject_framing(self) -> None:
        """Rejects a chunked body whose extensions and trailer fields are no end of bytes."""
        if self.cycle.response_started:
            self.transport.close()
            return
        maximum = settings.REQUEST_MAXIMUM_HEAD_BYTES
        message = f"What is around the chunks of the body is larger than {maximum} bytes."
        self._reject(431, "HEAD_TOO_LARGE", message)

    def _ignores_upgrade(self) -> bool:
        """Whether the parser skips the body of this request because it asks for an upgrade."""
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

    def _should_upgrade(self) -> bool:
        """Whether the connection becomes a WebSocket: never, as nothing is served by one."""
        return False

    def shutdown(self) -> None:
        """Ends the connection, after the request that is arriving or has arrived already."""
        if self._is_answering():
            super().shutdown()
        elif self.cycle is None and self.arriving == "nothing":
            # A proxy that has just connected is about to send what it connected for.
            self.loop.call_later(ARRIVAL_SECONDS, self._close_if_idle)
        else:
            self._close_if_idle()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_idle(self) -> None:
        is_idle = self.arriving in ("nothing", None) and not self._is_answering()
        if is_idle and not has_data(self.transport.get_extra_info("socket").fileno()):
            self.transport.close()

    def _wait(self, seconds: float) -> None:
        self.timer = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _give_up(self) -> None:
        self.timer = None
        is_answerable = self.arriving == "head" and (
            self.cycle is None or self.cycle.response_complete
        )
        is_answerable |= self.arriving == "body" and not self.cycle.response_started
        if is_answerable:
            seconds = (
                settings.REQUEST_HEAD_SECONDS
                if self.arriving == "head"
                else settings.REQUEST_BODY_SECONDS
            )
            self._reject(
                408,
                "REQUEST_TIMEOUT",
                f"The {self.arriving} did not arrive within {seconds:g} seconds.",
            )
        else:
            self.transport.close()

    def _reject(self, status: int, code: str, message: str) -> None:
        """Answers in the application's stead and closes; the application, if it waits for the body, is told so."""
        self.transport.write(_answer(status, code, message))
        self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, conflicting lengths included, unless it is answered already."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        self._reject(400, "BAD_REQUEST", msg)


def _head_without_upgrade(
    method: bytes,
    url: bytes,
    version: str,
    headers: list[tuple[bytes, bytes]],
) -> bytes:
    """Returns the head of a request, as a parser has read it, without its upgrade.

    llhttp skips the body of a request with `Connection: upgrade` and `Upgrade`, so that the body
    would be parsed as the next request. The other words of `Connection` still apply.
    """
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            words = [word.strip() for word in value.split(b",")]
            value = b", ".join(word for word in words if word.lower() != b"upgrade")
        if name != b"upgrade":
            lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"", b""])


def _answer(status: int, code: str, message: str) -> bytes:
    response = error_response(status, code, message)
    response.headers["Connection"] = "close"
    lines: list[Any] = [f"HTTP/1.1 {status} {code.replace('_', ' ').title()}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
