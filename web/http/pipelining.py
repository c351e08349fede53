"""Requests that a client sends before it has the responses to earlier ones.

uvicorn reads on with each response, and parses all that has come: a client that sends faster than
it is answered would fill the memory. Here a request is taken up when those before it are answered,
and when the client has read their responses but for a rest that is smaller than a buffer.
"""

from abc import abstractmethod

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.http.cycle import CycleProtocol

SLICE = 4_096
"""Bytes that are parsed at a time, so that few of the requests in a packet wait parsed."""
WAITING_BYTES = 65_536
"""Bytes that may wait while it is still noticed that the client leaves."""


class PipeliningProtocol(CycleProtocol):
    """uvicorn's protocol that reads nothing while a request waits for its turn."""

    running: RequestResponseCycle | None = None
    """The request that was started last."""
    waiting = b""
    """The input that is not parsed yet."""

    @abstractmethod
    def parse(self, data: bytes) -> None:
        """Parses a part of the input."""

    def data_received(self, data: bytes) -> None:
        """Parses a packet, or as much of it as there may be requests that wait."""
        if len(data) <= SLICE and not self.flow.is_held:
            return self.parse(data)
        self.waiting += data
        return self._parse_waiting()

    def _parse_waiting(self) -> None:
        data, start = self.waiting, 0
        while start < len(data) and not self.flow.is_held:
            self.parse(data[start : start + SLICE])
            start += SLICE
            if self.transport.is_closing():
                start = len(data)
            elif self.parser is None:
                # It has become a WebSocket.
                self.transport.get_protocol().data_received(data[start:])
                start = len(data)
        self.waiting = data[start:]
        if len(self.waiting) > WAITING_BYTES:
            self.flow.fill()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def is_running(self) -> bool:
        """Whether a request was started whose response is not complete."""
        return self.running is not None and not self.running.response_complete

    def go_on(self) -> None:
        """Takes up the requests that wait, unless the client reads its responses first."""
        if self.flow.write_paused:
            return self.flow.hold()
        super().go_on()
        if not self.pipeline:
            self._parse_waiting()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Drops the input that was not parsed."""
        self.waiting = b""
        super().connection_lost(exc)
