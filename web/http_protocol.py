"""HTTP/1.1 with limits on how a request arrives: uvicorn's protocol waits for ever for the rest of a head or a body."""

import asyncio
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import settings
from web.json_response import error_response


class PunctualProtocol(HttpToolsProtocol):
    """uvicorn's protocol with time limits on heads and bodies, a size limit on heads, and JSON errors.

    A request that comes in one packet, as nearly all do, needs no timer.
    """

    arriving: str | None = "nothing"
    timer: TimerHandle | None = None
    head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first byte."""
        super().connection_made(transport)
        self._wait(settings.REQUEST_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived, and waits for the rest when it is not the whole request."""
        before = self.arriving
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.arriving == "head":
            self.head_bytes += len(data)
            if self.head_bytes > settings.REQUEST_MAXIMUM_HEAD_BYTES:
                self._refuse(
                    431, "HEAD_TOO_LARGE", f"The head is larger than {settings.REQUEST_MAXIMUM_HEAD_BYTES} bytes."
                )
                return
        if self.arriving != before or self.timer is None:
            self._stop_waiting()
            if self.arriving is not None:
                is_head = self.arriving == "head"
                self._wait(settings.REQUEST_HEAD_SECONDS if is_head else settings.REQUEST_BODY_SECONDS)

    def on_message_begin(self) -> None:
        """Begins with the head of a request."""
        super().on_message_begin()
        self.arriving, self.head_bytes = "head", 0

    def on_headers_complete(self) -> None:
        """Goes on to the body."""
        super().on_headers_complete()
        self.arriving = "body"

    def on_message_complete(self) -> None:
        """Has the whole request."""
        super().on_message_complete()
        self.arriving = None

    def _wait(self, seconds: float) -> None:
        self.timer = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _give_up(self) -> None:
        self.timer = None
        is_answerable = self.arriving == "head" and (self.cycle is None or self.cycle.response_complete)
        is_answerable |= self.arriving == "body" and not self.cycle.response_started
        if is_answerable:
            seconds = settings.REQUEST_HEAD_SECONDS if self.arriving == "head" else settings.REQUEST_BODY_SECONDS
            self._refuse(408, "REQUEST_TIMEOUT", f"The {self.arriving} did not arrive within {seconds:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answers in the application's stead and closes; the application, if it waits for the body, is told so."""
        self.transport.write(_answer(status, code, message))
        self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, conflicting lengths included."""
        self._stop_waiting()
        self._refuse(400, "BAD_REQUEST", msg)


def _answer(status: int, code: str, message: str) -> bytes:
    response = error_response(status, code, message)
    response.headers["Connection"] = "close"
    lines: list[Any] = [f"HTTP/1.1 {status} {code.replace('_', ' ').title()}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
