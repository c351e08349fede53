"""Stopping without losing a request, behind proxies that ask for health and others."""

import asyncio
import ctypes
import logging
import signal
import socket
import struct
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from web.http.keep_alive import remove_keep_alive
from web.http.sockets import has_data
from web.lifecycle.service_manager import notify

logger = logging.getLogger("basket")

HANDSHAKE_SECONDS = 0.25
"""Seconds that a begun handshake of TCP may take before the port is closed."""
CLOSE = (b"connection", b"close")
HANG_UP = getattr(signal, "SIGHUP", None)

_SO_ATTACH_FILTER = 26
_NO_NEW_CONNECTIONS = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # Load the flags of the TCP header.
        (0x54, 0, 0, 0x12),  # Keep SYN and ACK.
        (0x15, 0, 1, 0x02),  # Of a SYN alone, which begins a connection,
        (0x06, 0, 0, 0),  # drop the packet;
        (0x06, 0, 0, 0xFFFF),  # take all others.
    )
)


class DrainingServer(uvicorn.Server):
    """A server that a proxy can take out of service without an error, and that loses no request.

    Told to stop, it goes on for `drain_seconds`: health says so, and every response closes its
    connection. Then it accepts no connections, and answers the requests of those it has.
    """

    def __init__(
        self,
        configuration: uvicorn.Config,
        application: Starlette,
        *,
        drain_seconds: float,
        notify_socket: str,
    ) -> None:
        super().__init__(configuration)
        self.application = application
        self.drain_seconds = drain_seconds
        self.notify_socket = notify_socket
        self.stops_at: float | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handles the hang-up of a terminal, too, unless the process was started to ignore it."""
        if HANG_UP is None or signal.getsignal(HANG_UP) is signal.SIG_IGN:
            with super().capture_signals():
                yield
            return
        before = signal.signal(HANG_UP, self.handle_exit)
        try:
            with super().capture_signals():
                yield
        finally:
            signal.signal(HANG_UP, before)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain on the first SIGTERM or SIGHUP; another SIGHUP changes nothing.

        SIGINT, and a second SIGTERM, stop the server without waiting for the drain's end.
        """
        notify(self.notify_socket, "STOPPING=1")
        is_stopping = self.stops_at is not None or self.should_exit
        if sig == HANG_UP:
            if is_stopping:
                return
            sig = signal.SIGTERM
        if sig == signal.SIGTERM and not is_stopping and self.drain_seconds > 0:
            self.stops_at = time.monotonic() + self.drain_seconds
            self.application.state.is_draining = True
            self._close_connections()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Returns whether to stop; called ten times a second."""
        if self.stops_at is not None and time.monotonic() >= self.stops_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no new connections, answers the requests of the others, and ends."""
        self._close_connections()
        await stop_arrivals(sockets or [])
        await super().shutdown(sockets)

    def _close_connections(self) -> None:
        """Makes every response from now on close its connection."""
        # uvicorn makes the list of its state anew each second, from that of the configuration; the
        # second addition is for the responses until then.
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            remove_keep_alive(headers)
            if CLOSE not in headers:
                headers.append(CLOSE)


async def stop_arrivals(listeners: Sequence[socket.socket]) -> None:
    """Turns new connections away, and returns once none waits to be accepted.

    A connection that is made but not accepted is reset when its port is closed, and a proxy does
    not repeat the request that it has sent already. So Linux is told to drop the packets that
    begin connections; they come again a second later, and find the port closed. On other systems
    new connections may be reset.
    """
    # A list, so that every listener gets its filter even if one fails.
    if not all([_reject_new_connections(listener) for listener in listeners]):
        return
    await asyncio.sleep(HANDSHAKE_SECONDS)
    while any(has_data(listener.fileno()) for listener in listeners):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _reject_new_connections(listener: socket.socket) -> bool:
    # The kernel copies the program, so the buffer need not outlive the call.
    program = ctypes.create_string_buffer(_NO_NEW_CONNECTIONS)
    count = len(_NO_NEW_CONNECTIONS) // struct.calcsize("HBBI")
    option = struct.pack("HL", count, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
    except OSError:
        logger.info("This system cannot turn connections away; some may be reset now.")
        return False
    return True
