"""WebSockets with bounds on a client's input, on its unread output, and on memory."""

import asyncio
import logging
import socket
from asyncio import BaseTransport, TimerHandle
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from uvicorn import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import Protocol

from settings.options import Options
from web.http.events import Gate, SmallQueue
from web.http.keep_alive import KEEP_ALIVE
from web.http.stream_connection import UNSENT_BYTES

logger = logging.getLogger("basket.websocket")
# uvicorn and websockets would log every connection, with the client's own query string.
logger.setLevel(logging.WARNING)

SWITCHING_PROTOCOLS = 101
GOING_AWAY = 1001
STOP = "websocket.stop"
"""The type of the event upon which an application answers the rest and closes by GOING_AWAY."""
SLOW_READER = "slow reader"
"""The reason of the disconnect that an application gets for a client that read nothing."""
CLOSE_SECONDS = 5.0
"""Seconds that a client has for its reply to our close frame."""
SHUTDOWN_SECONDS = 1.0
"""The same when the server stops."""
KNOWN_CLIENT = "known_client"
"""The extension of a scope by which an application says that it has authenticated the client."""
STRANGER_BYTES = 16_384
"""The largest message before that, so that strangers take little memory."""
SLICE = 4_096
"""Bytes that are parsed at a time, so that a packet cannot fill a queue with tiny messages."""


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """The largest message, the time between pings, and that for a client to take our bytes."""

    message_bytes: int
    heartbeat_seconds: float
    send_seconds: float

    @classmethod
    def from_options(cls, options: Options) -> "WebSocketLimits":
        """Returns the limits that the settings describe."""
        return cls(
            options.live_message_bytes,
            options.live_heartbeat_seconds,
            options.live_send_seconds,
        )


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol that reads no more than the application takes.

    It holds back the input of a connection while a message waits for the application, or while
    the client leaves our bytes unread, pongs included. A client that takes nothing for
    `send_seconds` is cut off.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: WebSocketLimits = app_state["websocket_limits"]
        self.ping_interval = self.limits.heartbeat_seconds
        self.ping_timeout = self.limits.send_seconds
        self.close_timeout = CLOSE_SECONDS
        self.logger = self.conn.logger = logger
        self.conn.max_message_size = min(self.limits.message_bytes, STRANGER_BYTES)
        # Compression takes some 50 KB of memory per connection.
        self.conn.available_extensions = None
        # A draining server closes every response's connection, and this one must stay open.
        self.default_headers = [
            header
            for header in self.default_headers
            if header[0] not in (b"connection", KEEP_ALIVE)
        ]
        self.queue = SmallQueue()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]
        self.arrived = b""
        self.is_accepted = False
        self.stall_timer: TimerHandle | None = None
        self.unsent_bytes = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Makes `send` wait as soon as the client does not take all that is sent."""
        super().connection_made(transport)
        if self.client is not None:
            # To a socket that serves both families, IPv4 is a part of IPv6.
            host, port = self.client
            self.client = host.removeprefix("::ffff:"), port
        self.transport.set_write_buffer_limits(0)
        # Not every system has the option, nor every socket.
        with suppress(OSError, AttributeError):
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer, and ends the cycles of references."""
        self._stop_stall_timer()
        if "scope" in vars(self):
            self.scope["extensions"].pop(KNOWN_CLIENT, None)
        self.arrived = b""
        super().connection_lost(exc)
        self.conn.parser.close()

    def data_received(self, data: bytes) -> None:
        """Parses the handshake as a whole, and frames as far as there is room."""
        if not self.handshake_initiated:
            self._parse_handshake(data)
            return
        self.arrived += data
        self._parse()

    def _parse_handshake(self, data: bytes) -> None:
        super().data_received(data)
        self.transport.pause_reading()
        if not self.handshake_initiated:
            # Too long for the library; it has written a response.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def _parse(self) -> None:
        """Parses slices until a message waits, and reads on when nothing is left."""
        data, start = self.arrived, 0
        while start < len(data) and not self._is_held():
            super().data_received(data[start : start + SLICE])
            start += SLICE
        self.arrived = data[start:]
        if self.transport.is_closing():
            return
        if self._is_held():
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _is_held(self) -> bool:
        """Whether nothing more may be parsed now; closing, only the peer's reply is awaited."""
        if self.transport.is_closing() or not self.is_accepted:
            return True
        waits = not self.queue.empty() and not self.close_sent
        return waits or not self.writable.is_set()

    def handle_connect(self, event: Request) -> None:
        """Starts the application, and lets it raise the limit on messages."""
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[KNOWN_CLIENT] = {"trust": self._trust}

    def _trust(self) -> None:
        self.conn.max_message_size = self.limits.message_bytes
        del self.scope["extensions"][KNOWN_CLIENT]

    def handle_ping(self) -> None:
        """Answers a ping, unless the connection is lost: each such write would be logged."""
        if not self.transport.is_closing():
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        """Adds to a message; a list of its fragments could grow without end, by empty ones."""
        frames: list[Any] = self.frames
        if not isinstance(frames[0], bytearray):
            frames[0] = bytearray(frames[0])
        frames[0] += event.data
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Hands a message on; one that is no UTF-8 ends the connection, and no log tells of it."""
        (data,), self.frames = self.frames, []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": bytes(data)})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(1007, "The message is no UTF-8.")
            self.handle_parser_exception()
        else:
            self.queue.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> Any:
        """Returns the next message, and parses on once none waits."""
        message = await self.queue.get()
        if self.is_accepted and not self.disconnected:
            self._parse()
        if not self.queue.empty():
            # So that others have a turn, too, while a client sends much.
            await asyncio.sleep(0)
        return message

    async def send(self, message: Any) -> None:
        """Sends a message once the system has taken the one before it, and waits for this one."""
        await self._wait_for_room()
        if self.is_accepted and (self.close_sent or self.transport.is_closing()):
            # The client, or a fault of its, has closed; uvicorn would take it for a fault of ours.
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._open()
        elif message["type"] == "websocket.send":
            # A newer result may take the place of the next one meanwhile.
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        # Of several that wait, the first may fill the buffer again.
        while not self.writable.is_set():
            await self.writable.wait()

    def _open(self) -> None:
        self.is_accepted = True
        # The handshake would live as long as the connection, in the parser's frame, too.
        del self.request, self.response
        self.default_headers = []
        self.conn.parser.close()
        self.conn.parser = Protocol.parse(self.conn)
        next(self.conn.parser)
        if not self.disconnected:
            self._parse()

    def pause_writing(self) -> None:
        """Reads nothing, and waits for a time, while the client takes nothing."""
        super().pause_writing()
        self._start_stall_timer()
        if self.is_accepted and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Goes on with a client that has taken everything."""
        super().resume_writing()
        self._stop_stall_timer()
        if self.is_accepted and not self.disconnected:
            self._parse()

    def _start_stall_timer(self) -> None:
        self._stop_stall_timer()
        self.unsent_bytes = self.transport.get_write_buffer_size()
        self.stall_timer = self.loop.call_later(self.limits.send_seconds, self._check_stall)

    def _stop_stall_timer(self) -> None:
        if self.stall_timer is not None:
            self.stall_timer.cancel()
            self.stall_timer = None

    def _check_stall(self) -> None:
        """Cuts the client off when it took nothing, and waits again when it took a part."""
        if self.transport.get_write_buffer_size() < self.unsent_bytes:
            self._start_stall_timer()
            return
        if not self.close_sent:
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": 1006, "reason": SLOW_READER}
            )
        self.transport.abort()

    def shutdown(self) -> None:
        """Asks the application to finish, and cuts off a client that takes nothing."""
        self.close_timeout = SHUTDOWN_SECONDS
        if self.close_sent or self.transport.is_closing():
            self.loop.call_later(SHUTDOWN_SECONDS, self.transport.abort)
        else:
            stop: Any = {"type": STOP}
            self.queue.put_nowait(stop)
            self.loop.call_later(SHUTDOWN_SECONDS, self._abort_if_stuck)

    def _abort_if_stuck(self) -> None:
        if not self.writable.is_set():
            self.transport.abort()
