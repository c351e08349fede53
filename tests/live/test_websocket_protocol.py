"""WebSockets as bytes: the handshake, and bounds on what a client sends and leaves unread."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.waiting import TIMEOUT_SECONDS, eventually
from tests.support.websockets import (
    BINARY,
    CLOSE,
    HANDSHAKE,
    PING,
    AsgiServer,
    frame,
    read_frames,
    serve_websockets,
)
from web.http.websocket import GOING_AWAY, SLICE, SLOW_READER, STOP

MEGABYTE = "x" * 1_000_000


class Application:
    """Accepts WebSockets and answers texts: `flood` by megabytes, `wait` not at all."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.scopes: list[Scope] = []
        self.running = 0
        self.goes_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection; other requests are told apart by their type."""
        self.scopes.append(scope)
        if scope["type"] == "http":
            await receive()
            headers = [(b"content-length", b"4")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"http"})
            return
        self.running += 1
        try:
            await self._serve(receive, send)
        except OSError:
            self.events.append({"type": "gone"})
        finally:
            self.running -= 1

    async def _serve(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            event = dict(await receive())
            self.events.append(event)
            if event["type"] == STOP:
                await send({"type": "websocket.close", "code": GOING_AWAY})
            if event["type"] != "websocket.receive":
                return
            text = event.get("text")
            if text == "wait":
                await self.goes_on.wait()
            if text == "flood":
                await asyncio.gather(*[self._send(send, MEGABYTE) for _ in range(30)])
            elif text is not None:
                await self._send(send, text)

    async def _send(self, send: Send, text: str) -> None:
        await send({"type": "websocket.send", "text": text})


@pytest.fixture
def application() -> Application:
    """The application that the tests connect to."""
    return Application()


@pytest.fixture
async def server(application: Application) -> AsyncIterator[AsgiServer]:
    """A server of it with small limits on sizes and long ones on times."""
    async with serve_websockets(application, message_bytes=10_000) as opened:
        yield opened
        await opened.close_clients()
    assert application.running == 0


async def test_texts_are_exchanged_without_compression(server: AsgiServer) -> None:
    async with connect(server.url) as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
        for text in ("a", "ä" * 4_000):
            await client.send(text)
            assert await client.recv() == text


async def test_a_message_beyond_the_limit_closes_by_1009(
    server: AsgiServer, application: Application
) -> None:
    async with connect(server.url) as client:
        await client.send("x" * 10_000)
        assert await client.recv() == "x" * 10_000
        await client.send("x" * 10_001)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    await eventually(lambda: application.running == 0, "The end")
    assert [event.get("code") for event in application.events] == [None, 1009]


async def test_a_message_that_is_no_utf8_closes_by_1007(server: AsgiServer) -> None:
    client = await server.connect(HANDSHAKE + b"\r\n" + frame(b"\xff"))
    await client.head()
    ((opcode, payload),) = read_frames(await client.everything())
    assert (opcode, payload) == (CLOSE, (1007).to_bytes(2) + b"The message is no UTF-8.")


async def test_a_message_in_many_fragments_is_one_buffer(
    server: AsgiServer, application: Application
) -> None:
    client = await server.connect(HANDSHAKE + b"\r\n")
    await client.head()
    client.writer.write(frame(b"a", is_final=False))
    client.writer.write(frame(b"", 0, is_final=False) * 20_000)
    (protocol,) = server.protocols()
    await eventually(lambda: len(protocol.frames) == 1, "The first fragment")
    client.writer.write(frame(b"b", 0, is_final=False) + frame(b"c", 0))
    client.writer.write(frame(b"\x00", BINARY))
    await eventually(lambda: len(application.events) == 2, "Both messages")
    assert application.events == [
        {"type": "websocket.receive", "text": "abc"},
        {"type": "websocket.receive", "bytes": b"\x00"},
    ]


async def test_frames_that_come_with_the_handshake_are_answered_after_it(
    server: AsgiServer,
) -> None:
    early = frame(b"early", PING) + frame(b"first") + frame(b"second")
    client = await server.connect(HANDSHAKE + b"\r\n" + early)
    assert (await client.head()).startswith(b"HTTP/1.1 101 ")
    data = await client.reader.readexactly(2 + 5 + 2 + 5 + 2 + 6)
    assert read_frames(data) == [(0xA, b"early"), (1, b"first"), (1, b"second")]


async def test_a_packet_of_tiny_messages_does_not_fill_the_queue(
    server: AsgiServer, application: Application
) -> None:
    client = await server.connect(HANDSHAKE + b"\r\n")
    await client.head()
    client.writer.write(frame(b"wait") + frame(b"") * 100_000)
    await eventually(lambda: bool(application.events), "The first message")
    (protocol,) = server.protocols()
    await eventually(lambda: bool(protocol.arrived), "More than a slice")
    assert 0 < protocol.queue.qsize() <= SLICE // 6
    application.goes_on.set()
    await eventually(lambda: len(application.events) == 100_001, "All messages")


async def test_of_many_results_one_at_a_time_waits_for_a_client_that_reads_slowly(
    server: AsgiServer,
) -> None:
    client = await server.connect(
        HANDSHAKE + b"\r\n" + frame(b"flood"), receive_bytes=4_096
    )
    await client.head()
    (protocol,) = server.protocols()
    await eventually(lambda: not protocol.writable.is_set(), "A full buffer")
    assert protocol.transport.get_write_buffer_size() <= len(MEGABYTE) + 10
    data = await client.reader.readexactly(30 * (len(MEGABYTE) + 10))
    assert [len(payload) for _, payload in read_frames(data)] == [len(MEGABYTE)] * 30


async def test_pings_of_a_client_that_never_reads_are_not_stored(
    server: AsgiServer,
) -> None:
    client = await server.connect(
        HANDSHAKE + b"\r\n" + frame(b"flood"), receive_bytes=4_096
    )
    await client.head()
    (protocol,) = server.protocols()
    await eventually(lambda: not protocol.writable.is_set(), "A full buffer")
    for _ in range(50_000):
        client.writer.write(frame(b"x" * 100, PING))
    before = protocol.transport.get_write_buffer_size()
    await eventually(lambda: client.writer.transport.get_write_buffer_size() > 0, "Waiting")
    assert protocol.transport.get_write_buffer_size() <= before + SLICE


async def test_a_client_that_never_reads_is_cut_off(application: Application) -> None:
    async with serve_websockets(application, send_seconds=0.3) as server:
        client = await server.connect(
            HANDSHAKE + b"\r\n" + frame(b"flood"), receive_bytes=4_096
        )
        await client.head()
        await eventually(lambda: not server.protocols(), "The end")
        await eventually(lambda: application.running == 0, "The end of the application")
        assert application.events[-1] == {"type": "gone"}


async def test_a_disconnect_names_the_slow_reader(application: Application) -> None:
    async with serve_websockets(application, send_seconds=0.3) as server:
        client = await server.connect(HANDSHAKE + b"\r\n", receive_bytes=4_096)
        await client.head()
        (protocol,) = server.protocols()
        # Nobody waits for room to send, so the application is awaiting an event.
        protocol.transport.write(MEGABYTE.encode() * 10)
        await eventually(lambda: application.running == 0, "The end")
        assert application.events == [
            {"type": "websocket.disconnect", "code": 1006, "reason": SLOW_READER}
        ]


async def test_a_client_that_answers_no_ping_is_cut_off(application: Application) -> None:
    async with serve_websockets(
        application, heartbeat_seconds=0.05, send_seconds=0.1
    ) as server:
        client = await server.connect(HANDSHAKE + b"\r\n")
        await client.head()
        first, *_, last = read_frames(await client.everything())
        assert (first[0], last[0], last[1][:2]) == (PING, CLOSE, (1011).to_bytes(2))
        await eventually(lambda: application.running == 0, "The end")


async def test_a_client_that_answers_pings_stays(application: Application) -> None:
    async with serve_websockets(
        application,
        heartbeat_seconds=0.02,
        send_seconds=TIMEOUT_SECONDS,
        arrival_seconds=0.1,
    ) as server:
        client = await server.connect(HANDSHAKE + b"\r\n")
        await client.head()
        for _ in range(10):
            ping = await client.reader.readexactly(6)
            client.writer.write(frame(ping[2:], 0xA))
        client.writer.write(frame(b"still"))
        while (await client.reader.readexactly(2))[0] & 0x0F == PING:
            client.writer.write(frame(await client.reader.readexactly(4), 0xA))
        assert await client.reader.readexactly(5) == b"still"


async def test_a_server_that_stops_closes_by_1001(application: Application) -> None:
    async with serve_websockets(application) as server:
        client = await server.connect(HANDSHAKE + b"\r\n")
        polite = await connect(server.url)
        await client.head()
        await eventually(lambda: application.running == 2, "Both connections")
    assert [event["type"] for event in application.events] == [STOP] * 2
    assert read_frames(await client.everything()) == [(CLOSE, (GOING_AWAY).to_bytes(2))]
    await polite.wait_closed()
    assert polite.close_code == GOING_AWAY


async def test_a_client_that_never_reads_does_not_delay_the_stop(
    application: Application,
) -> None:
    async with serve_websockets(application) as server:
        client = await server.connect(
            HANDSHAKE + b"\r\n" + frame(b"flood"), receive_bytes=4_096
        )
        await client.head()
        (protocol,) = server.protocols()
        await eventually(lambda: not protocol.writable.is_set(), "A full buffer")
    assert application.running == 0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HANDSHAKE.replace(b"Version: 13", b"Version: 8"), 400),
        (HANDSHAKE.replace(b"dGhl", b"dGh"), 400),
        (HANDSHAKE.replace(b"/graphql", b"http://"), 400),
        (HANDSHAKE + b"X-Long: %s\r\n" % (b"x" * 9_000), 431),
        (HANDSHAKE + b"X: y\r\n" * 200, 431),
        (HANDSHAKE + b"X-Long: %s\r\n" % (b"x" * 70_000), 431),
    ],
)
async def test_a_faulty_handshake_ends_the_connection(
    server: AsgiServer, application: Application, head: bytes, status: int
) -> None:
    rest = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    client = await server.connect(head + b"\r\n" + rest)
    answer = await client.everything()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1") == 1
    assert application.scopes == []


@pytest.mark.parametrize(
    "head",
    [
        HANDSHAKE.replace(b"GET", b"POST"),
        HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HANDSHAKE.replace(b"Upgrade: websocket", b"Upgrade: websocket, h2c"),
        HANDSHAKE + b"Upgrade: h2c\r\n",
        HANDSHAKE.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
        HANDSHAKE.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
        HANDSHAKE.replace(b"/graphql", b"/b2b/basket/"),
        HANDSHAKE.replace(b"/graphql", b"/graphql/other?/graphql"),
        HANDSHAKE + b"Content-Length: 0\r\n",
        HANDSHAKE + b"Transfer-Encoding: chunked\r\n",
    ],
)
async def test_any_other_upgrade_is_a_request(
    server: AsgiServer, application: Application, head: bytes
) -> None:
    rest = b"0\r\n\r\n" if b"chunked" in head else b""
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    client = await server.connect(head + b"\r\n" + rest + last)
    answer = await client.everything()
    assert answer.count(b"HTTP/1.1 200 OK") == 1 if b"1.0" in head else 2
    assert {scope["type"] for scope in application.scopes} == {"http"}


async def test_a_connection_becomes_a_websocket_after_its_requests(
    server: AsgiServer, application: Application
) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    client = await server.connect(request)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
    assert await client.reader.readexactly(4) == b"http"
    client.writer.write(
        HANDSHAKE.replace(b"GET /graphql", b"GET http://x/y%20z/graphql?q=1")
    )
    client.writer.write(b"\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 101 ")
    scope = application.scopes[-1]
    assert [scope[name] for name in ("type", "path", "query_string")] == [
        "websocket",
        "/y z/graphql",
        b"q=1",
    ]


async def test_a_handshake_behind_an_unanswered_request_is_a_request(
    server: AsgiServer, application: Application
) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    client = await server.connect(request + HANDSHAKE + b"\r\n" + request)
    for _ in range(3):
        assert (await client.head()).startswith(b"HTTP/1.1 200 ")
        assert await client.reader.readexactly(4) == b"http"
    assert [scope["type"] for scope in application.scopes] == ["http"] * 3
