"""Streams of events that a test makes by hand, sent by a real server over real connections."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.waiting import TIMEOUT_SECONDS, eventually
from web.graphql.media_type import EVENT_STREAM
from web.http.connection_limits import ConnectionLimits
from web.http.path_prefix import PathPrefix
from web.http.protocol import PunctualProtocol
from web.live.response import stream_response
from web.monitoring.recorder import RequestRecorder

END = object()
"""Ends a feed in order."""


class Feed:
    """The events of one operation: those that the test gives, as bytes or as an exception."""

    def __init__(self, *events: object) -> None:
        self.events: asyncio.Queue[object] = asyncio.Queue()
        for event in events:
            self.give(event)
        self.asked = 0
        self.is_closed = False

    def give(self, event: object) -> None:
        """Adds an event: bytes, an exception, or END."""
        self.events.put_nowait(event)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.asked += 1
        event = await self.events.get()
        if event is END:
            raise StopAsyncIteration
        if isinstance(event, BaseException):
            raise event
        assert isinstance(event, bytes)
        return event

    async def aclose(self) -> None:
        """Notes that the operation was ended."""
        self.is_closed = True


@dataclass
class StreamServer:
    """A server of one feed, by its port."""

    feed: Feed
    heartbeat_seconds: float = 600.0
    send_seconds: float = 600.0
    media_type: str = EVENT_STREAM
    port: int = 0
    scopes: list[Scope] = field(default_factory=list)
    writers: list[StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    running: uvicorn.Server | None = None
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set unless a test holds the responses back."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers each request with the feed."""
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["connection_limits"] = ConnectionLimits(
                65_536, 600.0, 600.0, 600.0
            )
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.scopes.append(scope)
        await self.is_ready.wait()
        response = stream_response(
            self.media_type,
            self.feed,
            heartbeat_seconds=self.heartbeat_seconds,
            send_seconds=self.send_seconds,
        )
        await response(scope, receive, send)

    @property
    def writer(self) -> StreamWriter:
        """The last opened connection."""
        return self.writers[-1]

    async def ask(
        self, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    ) -> StreamReader:
        """Sends a request on a connection of its own, and returns where the response comes."""
        connection = socket.socket()
        # So small that little is taken in before the test reads it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.setblocking(False)
        address = ("127.0.0.1", self.port)
        await asyncio.get_running_loop().sock_connect(connection, address)
        reader, writer = await asyncio.open_connection(sock=connection, limit=1_000)
        self.writers.append(writer)
        writer.write(request)
        return reader

    def end(self) -> None:
        """Lets the server end, as by a signal."""
        assert self.running is not None
        self.running.should_exit = True

    async def closing(self) -> None:
        """Waits until the feed is closed."""
        await eventually(lambda: self.feed.is_closed, "The end of the operation")


async def read_body(reader: StreamReader) -> tuple[str, bytes, bool]:
    """Returns the head, the body without its chunks, and whether the body is complete."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    body = b""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        if "transfer-encoding: chunked" not in head.lower():
            return head, await reader.read(), True
        try:
            while chunk := await read_chunk(reader):
                body += chunk
        except asyncio.IncompleteReadError:
            return head, body, False
    return head, body, True


async def read_chunk(reader: StreamReader) -> bytes:
    """Returns the next chunk of a body; empty at its end."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        size = int(await reader.readuntil(b"\r\n"), 16)
        return (await reader.readexactly(size + 2))[:-2]


@asynccontextmanager
async def serve_feed(
    *events: object, http: Any = PunctualProtocol, **options: Any
) -> AsyncIterator[StreamServer]:
    """Serves a feed of these events on a free port, below a path prefix, and with a recorder."""
    server = StreamServer(Feed(*events), **options)
    server.is_ready.set()
    recorded: ASGIApp = RequestRecorder(server, has_timing=False, has_access_log=False)
    application = PathPrefix(recorded, prefix="/shop")
    config = uvicorn.Config(application, port=0, http=http, log_config=None, lifespan="on")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    await eventually(lambda: running.started, "The start of the server")
    server.port = running.servers[0].sockets[0].getsockname()[1]
    server.tasks, server.running = running.server_state.tasks, running
    try:
        yield server
    finally:
        for writer in server.writers:
            writer.transport.abort()
        running.should_exit = True
        await task
