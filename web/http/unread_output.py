"""A timeout for clients that do not read their responses.

A response that the system takes at once, as nearly all do, needs no timer: one is started when the
event loop says that much of the output waits, and when a connection closes with a rest of it. In
both cases nothing more is written, so that the unread output becomes less only by being read.
"""

from asyncio import TimerHandle

from prometheus_client import Counter

from web.http.pipelining import PipeliningProtocol
from web.http.sockets import count_unread_bytes

CUT = Counter(
    "basket_unread_responses",
    "Connections cut off because their client read nothing for RESPONSE_SEND_SECONDS.",
)


class UnreadOutputProtocol(PipeliningProtocol):
    """uvicorn's protocol that cuts a client off which reads nothing for `send_seconds`."""

    send_seconds: float
    unread_timer: TimerHandle | None = None
    unread_bytes = 0

    def pause_writing(self) -> None:
        """Waits for the client to read; streamed responses have a timeout of their own."""
        super().pause_writing()
        if not self.is_streaming():
            self._start_unread_timer()
        if not self.is_running() and not self.transport.is_closing():
            self.flow.hold()

    def resume_writing(self) -> None:
        """Goes on with the next request, or with the response that waits."""
        super().resume_writing()
        # Closing, the rest must be read, too.
        if self.transport.is_closing():
            return
        self._stop_unread_timer()
        if self.flow.is_held and not self.is_running():
            self.go_on()

    def go_on(self) -> None:
        """Takes up the requests that wait, or waits for the client to read its responses."""
        super().go_on()
        # The end of a stream may not have left.
        if self.flow.write_paused and self.unread_timer is None:
            self._start_unread_timer()

    def close(self) -> None:
        """Closes the connection when the client has read everything, or does not read on."""
        super().close()
        # A lost connection has no parser.
        is_open = self.parser is not None and self.transport.get_write_buffer_size() > 0
        if is_open and self.unread_timer is None:
            self._start_unread_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_unread_timer()
        super().connection_lost(exc)

    def is_streaming(self) -> bool:
        """Whether the request in progress is answered by a stream of events."""
        running = self.running if self.is_running() else None
        return running is not None and bool(running.scope.get("is_stream"))

    def _start_unread_timer(self) -> None:
        self._stop_unread_timer()
        self.unread_bytes = count_unread_bytes(self.transport)
        self.unread_timer = self.loop.call_later(self.send_seconds, self.check_unread)

    def _stop_unread_timer(self) -> None:
        if self.unread_timer is not None:
            self.unread_timer.cancel()
            self.unread_timer = None

    def check_unread(self) -> None:
        """Cuts the client off when it read nothing, and waits again when it read a part."""
        if count_unread_bytes(self.transport) < self.unread_bytes:
            self._start_unread_timer()
        else:
            CUT.inc()
            self.transport.abort()
