"""A server of an ASGI application over WebSockets in this process, and frames as bytes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.service import Service
from web.http.connection_limits import ConnectionLimits
from web.http.protocol import PunctualProtocol
from web.http.websocket import WebSocketLimits, WebSocketProtocol

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
MASK = b"\x00\x00\x00\x00"
"""A mask of zeros leaves the payload readable."""
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def frame(payload: bytes, opcode: int = TEXT, *, is_final: bool = True) -> bytes:
    """Writes a frame of a client."""
    head = bytes([opcode | (0x80 if is_final else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([0x80 | 126]) + len(payload).to_bytes(2)
    else:
        head += bytes([0x80 | 127]) + len(payload).to_bytes(8)
    return head + MASK + payload


def read_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Takes apart whole frames of a server: the opcode and the payload of each."""
    frames = []
    while data:
        length, start = data[1], 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, start = int.from_bytes(data[2 : 2 + size]), 2 + size
        frames.append((data[0] & 0x0F, data[start : start + length]))
        data = data[start + length :]
    return frames


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to the tests."""
        yield


@dataclass
class AsgiServer:
    """A server by its port."""

    port: int
    server: uvicorn.Server
    clients: list["RawClient"] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of its WebSockets."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    def protocols(self) -> list[WebSocketProtocol]:
        """Returns the open WebSockets."""
        found = self.server.server_state.connections
        return [each for each in found if isinstance(each, WebSocketProtocol)]

    async def connect(self, *pieces: bytes, receive_bytes: int = 0) -> "RawClient":
        """Opens a connection as bytes, with a receive buffer of a size, and sends some."""
        opened = socket.socket()
        if receive_bytes:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=opened)
        for piece in pieces:
            writer.write(piece)
        self.clients.append(RawClient(reader, writer))
        return self.clients[-1]

    async def close_clients(self) -> None:
        """Closes the connections that were opened as bytes."""
        for client in self.clients:
            client.writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


@dataclass
class RawClient:
    """A connection as bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> bytes:
        """Reads the head of a response."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def everything(self) -> bytes:
        """Reads until the server closes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""


@asynccontextmanager
async def serve_websockets(
    application: ASGIApp,
    *,
    message_bytes: int = 1_000_000,
    heartbeat_seconds: float = 60.0,
    send_seconds: float = 60.0,
    head_bytes: int = 65_536,
    arrival_seconds: float = 60.0,
    response_seconds: float = 60.0,
) -> AsyncIterator[AsgiServer]:
    """Serves an application by our protocols."""
    state = {
        "websocket_limits": WebSocketLimits(message_bytes, heartbeat_seconds, send_seconds),
        "connection_limits": ConnectionLimits(
            head_bytes, arrival_seconds, arrival_seconds, response_seconds
        ),
    }
    async with _run(application, state) as opened:
        yield opened


@asynccontextmanager
async def listen(service: Service) -> AsyncIterator[AsgiServer]:
    """Serves the application of a service at a port, too."""
    client = service.application
    async with _run(client.asgi, client.state) as opened:
        yield opened


@asynccontextmanager
async def _run(application: ASGIApp, state: dict[str, Any]) -> AsyncIterator[AsgiServer]:
    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await application(scope, receive, send)
        scope["state"] |= state
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})
        return None

    configuration = uvicorn.Config(
        with_state, http=PunctualProtocol, ws=WebSocketProtocol, log_config=None
    )
    server = _Server(configuration)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        opened = AsgiServer(listener.getsockname()[1], server)
        try:
            yield opened
        finally:
            server.should_exit = True
            await serving
            await opened.close_clients()
