"""Streamed responses over real connections: their bytes, heartbeats, ends, and clients that are slow."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
import uvloop
from prometheus_client import REGISTRY

from tests.support.streams import END, read_body, read_chunk, serve_feed
from tests.support.waiting import TIMEOUT_SECONDS, eventually
from web.graphql.media_type import EVENT_STREAM, MULTIPART_STREAM
from web.http.stream_connection import CYCLE, StreamConnection
from web.live.metrics import Transport
from web.live.send_timeout import SendTimeout
from web.live.session import FORBIDDEN, StreamEnded

ONE = b'{"data":{"activeBasket":null}}'
TWO = b'{"data":{"activeBasket":{"version":2}}}'
SHOP = b"GET /shop/graphql HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b'"' + b"x" * 1_000_000 + b'"'

EVENTS = (
    b":\n\n"
    b'event: next\ndata: {"data":{"activeBasket":null}}\n\n'
    b'event: next\ndata: {"data":{"activeBasket":{"version":2}}}\n\n'
)
PARTS = (
    b"\r\n--graphql"
    b"\r\ncontent-type: application/json\r\n\r\n"
    b'{"payload":{"data":{"activeBasket":null}}}\r\n--graphql'
    b"\r\ncontent-type: application/json\r\n\r\n"
    b'{"payload":{"data":{"activeBasket":{"version":2}}}}\r\n--graphql'
)
PART_TYPE = 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'


@pytest.mark.parametrize(
    ("media_type", "content_type", "body"),
    [
        (
            EVENT_STREAM,
            "text/event-stream; charset=utf-8",
            EVENTS + b"event: complete\ndata:\n\n",
        ),
        (MULTIPART_STREAM, PART_TYPE, PARTS + b"--\r\n"),
    ],
)
async def test_events_and_their_end_have_the_bytes_of_the_protocol(
    media_type: str, content_type: str, body: bytes
) -> None:
    async with serve_feed(ONE, TWO, END, media_type=media_type) as server:
        head, received, is_complete = await read_body(await server.ask())
    lines = head.lower().splitlines()
    assert lines[0] == "http/1.1 200 ok"
    assert f"content-type: {content_type}".lower() in lines
    assert "cache-control: no-cache, no-store, no-transform" in lines
    assert "x-accel-buffering: no" in lines
    assert (received, is_complete) == (body, True)
    assert server.feed.is_closed


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_client_that_leaves_before_the_response_begins_ends_the_operation(
    new_loop: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        async with serve_feed(ONE) as server:
            server.is_ready.clear()
            await server.ask()
            await eventually(lambda: bool(server.scopes), "The request")
            cycle = server.scopes[0][CYCLE]()
            server.writer.transport.abort()
            await eventually(lambda: cycle.disconnected, "The loss of the connection")
            server.is_ready.set()
            await server.closing()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(leave())
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("media_type", "heartbeat"),
    [
        (EVENT_STREAM, b":\n\n"),
        (
            MULTIPART_STREAM,
            b"\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql",
        ),
    ],
)
async def test_heartbeats_come_while_there_is_no_event(
    media_type: str, heartbeat: bytes
) -> None:
    async with serve_feed(media_type=media_type, heartbeat_seconds=0.01) as server:
        reader = await server.ask()
        await reader.readuntil(b"\r\n\r\n")
        await read_chunk(reader)
        assert [await read_chunk(reader) for _ in range(3)] == [heartbeat] * 3
        server.feed.give(ONE)
        chunks = [await read_chunk(reader)]
        while ONE not in chunks[-1]:
            chunks.append(await read_chunk(reader))
        assert set(chunks[:-1]) <= {heartbeat}
        assert await read_chunk(reader) == heartbeat
        # The operation was asked for its second event once, however many heartbeats there were.
        assert server.feed.asked == 2


@pytest.mark.parametrize("media_type", [EVENT_STREAM, MULTIPART_STREAM])
async def test_a_client_that_leaves_ends_the_operation(
    media_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_feed(ONE, media_type=media_type) as server:
        reader = await server.ask()
        await reader.readuntil(ONE)
        assert not server.feed.is_closed
        server.writer.close()
        await server.closing()
    assert caplog.records == []


@pytest.mark.parametrize("media_type", [EVENT_STREAM, MULTIPART_STREAM])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_stream_that_must_not_go_on_is_cut_without_an_end(
    media_type: str, version: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    request = b"GET / HTTP/%s\r\nHost: x\r\n\r\n" % version
    async with serve_feed(
        ONE, StreamEnded(FORBIDDEN, "revoked"), media_type=media_type
    ) as server:
        head, body, is_complete = await read_body(await server.ask(request))
        await server.closing()
    assert ONE in body
    assert b"complete" not in body
    assert not body.endswith(b"--\r\n")
    assert is_complete == (version == b"1.0")
    assert caplog.records == []


async def test_an_unexpected_error_cuts_the_stream_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_feed(ONE, RuntimeError("a fault")) as server:
        _, body, is_complete = await read_body(await server.ask())
        await server.closing()
    assert body == EVENTS[: EVENTS.index(b"event", 4)]
    assert not is_complete
    assert "a fault" in caplog.text


async def test_http_1_0_gets_no_chunks_and_its_end_is_that_of_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_feed(ONE, TWO, END) as server:
        reader = await server.ask(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        head, body, _ = await read_body(reader)
    assert "chunked" not in head
    assert "connection: close" in head.lower()
    assert body == EVENTS + b"event: complete\ndata:\n\n"
    assert caplog.records == []


async def test_a_connection_is_used_again_after_a_stream_has_ended() -> None:
    async with serve_feed(ONE, END, TWO, END) as server:
        reader = await server.ask()
        _, first, is_complete = await read_body(reader)
        assert (ONE in first, is_complete) == (True, True)
        server.writer.write(SHOP)
        _, second, is_complete = await read_body(reader)
        assert (TWO in second, is_complete) == (True, True)


async def test_the_next_event_is_asked_for_only_when_the_last_one_has_left() -> None:
    async with serve_feed(LARGE, LARGE, ONE, END) as server:
        reader = await server.ask()
        await reader.readuntil(b"data: ")
        # The client reads no further for a while.
        await asyncio.sleep(0.1)
        assert server.feed.asked == 1
        await reader.readexactly(len(LARGE))
        await reader.readuntil(b"data: ")
        assert server.feed.asked == 2
        await reader.readexactly(len(LARGE))
        await reader.readuntil(ONE)
        await server.closing()
        assert server.feed.asked == 4


async def test_a_client_that_takes_nothing_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = slow_readers(Transport.SSE)
    async with serve_feed(LARGE, LARGE, send_seconds=0.2) as server:
        reader = await server.ask()
        await reader.readuntil(b"data: ")
        await server.closing()
        assert server.feed.asked == 1
    assert caplog.records == []
    assert slow_readers(Transport.SSE) - before == 1


async def test_a_client_that_takes_a_part_between_two_checks_gets_all_of_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timeouts: list[SendTimeout] = []

    class KeptTimeout(SendTimeout):
        def watch(self) -> None:
            super().watch()
            timeouts.append(self)

    monkeypatch.setattr("web.live.response.SendTimeout", KeptTimeout)
    async with serve_feed(LARGE, END, send_seconds=7_200.0) as server:
        reader = await server.ask()
        await reader.readuntil(b"data: ")
        (_, timeout) = timeouts
        body = b""
        for _ in range(5):
            before = timeout._unread
            while timeout._count_unread() >= before:
                body += await reader.readexactly(1_000)
                await asyncio.sleep(0)
            timeout._check()
        body += await reader.readexactly(len(LARGE) - len(body))
        assert body == LARGE
        await reader.readuntil(b"event: complete")


async def test_the_timeout_begins_anew_until_nothing_more_is_taken() -> None:
    counts = [1, 90, 91, 100]

    class Taken:
        def count_unread_bytes(self) -> int:
            return counts.pop() if counts[1:] else counts[0]

    async def send() -> None:
        async with SendTimeout(0.01, cast(StreamConnection, Taken())) as timeout:
            timeout.watch()
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await send()
    assert counts == [1]


def slow_readers(transport: Transport) -> float:
    """Returns how many slow readers of a transport were counted."""
    return (
        REGISTRY.get_sample_value(
            "basket_live_slow_readers_total", {"transport": transport}
        )
        or 0.0
    )


async def test_a_client_that_takes_no_heartbeat_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"heartbeat_seconds": 0.0, "send_seconds": 0.5}
    before = slow_readers(Transport.MULTIPART)
    async with serve_feed(media_type=MULTIPART_STREAM, **options) as server:
        reader = await server.ask()
        await reader.readuntil(b"\r\n\r\n")
        # Heartbeats fill the buffers, and then one of them waits.
        await server.closing()
        assert server.feed.asked == 1
    assert caplog.records == []
    assert slow_readers(Transport.MULTIPART) - before == 1


async def test_a_pipelined_request_does_not_hide_that_the_client_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_feed(ONE) as server:
        reader = await server.ask(SHOP + SHOP)
        await reader.readuntil(ONE)
        server.writer.close()
        await server.closing()
    assert caplog.records == []


@pytest.mark.parametrize("request_text", [SHOP, SHOP + SHOP])
async def test_a_server_that_ends_cuts_a_stream(
    request_text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve_feed(ONE) as server:
        reader = await server.ask(request_text)
        await reader.readuntil(ONE)
        server.end()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            rest = await reader.read()
        await server.closing()
    assert rest == b"\n\n\r\n"
    assert caplog.records == []


async def test_the_protocol_knows_that_a_response_is_streamed_also_below_a_prefix() -> None:
    async with serve_feed(ONE) as server:
        reader = await server.ask(SHOP)
        await reader.readuntil(ONE)
        (scope,) = server.scopes
        assert scope["path"] == "/graphql"
        assert scope["cycle"]().scope["is_stream"] is True
        assert "is_stream" not in scope


async def test_another_protocol_of_uvicorn_sends_the_same() -> None:
    async with serve_feed(ONE, TWO, END, http="h11") as server:
        _, body, is_complete = await read_body(await server.ask())
    assert (body, is_complete) == (EVENTS + b"event: complete\ndata:\n\n", True)


async def test_a_server_that_stops_waiting_cancels_a_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_feed(ONE) as server:
        reader = await server.ask()
        await reader.readuntil(ONE)
        for task in server.tasks:
            task.cancel()
        _, is_complete = await reader.read(), False
        await server.closing()
    assert not is_complete
    assert "CancelledError" in caplog.text
