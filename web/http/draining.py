"""Ending without losing a request: for proxies that ask for health, and for those that do not."""

import asyncio
import ctypes
import logging
import select
import signal
import socket
import struct
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

import settings
from web.startup.service_manager import notify

logger = logging.getLogger("basket")

HANDSHAKE_SECONDS = 0.25
"""How long a connection that has begun may take to be made, before the port is given up."""
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

    Told to stop, it goes on for DRAIN_SECONDS: health says so, and every answer closes its
    connection. Then it takes no new connections, and answers all that it has.
    """

    def __init__(self, configuration: uvicorn.Config, application: Starlette) -> None:
        super().__init__(configuration)
        self.application = application
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
        notify(settings.NOTIFY_SOCKET, "STOPPING=1")
        is_stopping = self.stops_at is not None or self.should_exit
        if sig == HANG_UP:
            if is_stopping:
                return
            sig = signal.SIGTERM
        if sig == signal.SIGTERM and not is_stopping and settings.DRAIN_SECONDS > 0:
            self.stops_at = time.monotonic() + settings.DRAIN_SECONDS
            self.application.state.is_draining = True
            self._close_connections()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Tells, ten times a second, whether to stop."""
        if self.stops_at is not None and time.monotonic() >= self.stops_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no new connections, answers the ones that were made, and ends."""
        self._close_connections()
        await end_of_arrivals(sockets or [])
        await super().shutdown(sockets)

    def _close_connections(self) -> None:
        """Lets every answer from now on close its connection."""
        if CLOSE not in self.config.encoded_headers:
            self.config.encoded_headers.append(CLOSE)
        if CLOSE not in self.server_state.default_headers:
            self.server_state.default_headers.append(CLOSE)


async def end_of_arrivals(listeners: Sequence[socket.socket]) -> None:
    """Returns once no connection waits to be accepted, with new ones turned away.

    A connection that is made but not accepted is reset when its port is closed, and a proxy does
    not repeat the request that it has sent already. So Linux is told to drop the packets that
    begin connections; they come again a second later, and find the port closed. On other systems
    new connections may be reset.
    """
    if not all([_turn_away(listener) for listener in listeners]):
        return
    await asyncio.sleep(HANDSHAKE_SECONDS)
    while any(has_data(listener.fileno()) for listener in listeners):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def _turn_away(listener: socket.socket) -> bool:
    program = ctypes.create_string_buffer(_NO_NEW_CONNECTIONS)
    count = len(_NO_NEW_CONNECTIONS) // struct.calcsize("HBBI")
    option = struct.pack("HL", count, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
    except OSError:
        logger.info("This system cannot turn connections away; some may be reset now.")
        return False
    return True


def has_data(descriptor: int) -> bool:
    """Tells whether there is something to read, or to accept, on a socket."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
