"""The connection of a response that goes on for hours: its buffers, its end, its interruption."""

import math
import socket
from contextlib import suppress

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.http.sockets import count_unread_bytes

CYCLE = "cycle"
"""The key of a weak reference to uvicorn's cycle in a scope, which our protocol adds."""
UNSENT_BYTES = 16_384
"""The bytes that the system may hold unsent, so that a slow reader is noticed soon."""


class StreamConnection:
    """The connection of a streamed response.

    It marks the response by `is_stream` in its scope: a server that ends does not wait for it.
    """

    __slots__ = ("_cycle", "is_unframed")

    def __init__(self, scope: Scope, timeout: float) -> None:
        cycle: RequestResponseCycle = scope[CYCLE]()
        # The protocol's own scope; a middleware may have made a copy of it.
        cycle.scope["is_stream"] = True  # type: ignore[typeddict-unknown-key]
        self._cycle = cycle
        self.is_unframed = scope["http_version"] == "1.0"
        if self.is_unframed:
            # uvicorn would send chunks, which HTTP/1.0 does not know; the body ends by closing.
            cycle.chunked_encoding = False
            cycle.expected_content_length = math.inf  # type: ignore[assignment]
        # uvloop raises for a connection that is lost already; sending to it does nothing.
        if not self.is_lost:
            # With 0, sending waits until the system has taken everything.
            cycle.transport.set_write_buffer_limits(high=0)
            _set_options(cycle.transport.get_extra_info("socket"), timeout)

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be sent any more; uvicorn may not tell a pipelined request."""
        return self._cycle.disconnected or self._cycle.transport.is_closing()

    def count_unread_bytes(self) -> int:
        """Returns how many bytes of the response the client has not taken; 0 when it is lost."""
        return 0 if self.is_lost else count_unread_bytes(self._cycle.transport)

    def cut(self) -> None:
        """Breaks the response off, so that the client sees that it is not complete."""
        # uvicorn would log an error for an incomplete response.
        self._cycle.disconnected = True
        self._cycle.transport.abort()

    def close(self) -> None:
        """Ends an unframed response in order."""
        self._cycle.disconnected = True
        self._cycle.transport.close()


def _set_options(connection: socket.socket, timeout: float) -> None:
    """Bounds the unsent bytes, and the seconds until a client that vanished is noticed."""
    # After our own timeout, which counts the client as a slow one.
    vanished = int(timeout * 1_500)
    options = {"TCP_NOTSENT_LOWAT": UNSENT_BYTES, "TCP_USER_TIMEOUT": vanished}
    for name, value in options.items():
        # Not every system has them, and no Unix socket.
        if number := getattr(socket, name, None):
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, number, value)
