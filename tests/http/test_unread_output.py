"""Clients that do not read their responses, and those that read slowly, on both event loops."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from tests.support.exports import completed, fill
from tests.support.service import serve
from tests.support.shop import Shop
from tests.support.waiting import eventually
from tests.support.websockets import AsgiServer, RawClient, listen, serve_websockets
from web.http.cycle import send_whole
from web.http.protocol import PunctualProtocol
from web.http.sockets import count_unread_bytes

LARGE = 17_000_000
"""More than the system holds for a connection."""
HOURS = 7_200.0
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
Test = Callable[[], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Runs a test on a loop of each kind."""

    def run_test(test: Test) -> None:
        async def call() -> None:
            await test()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(call())

    return run_test


class Application:
    """Answers each path by its text, as often as it takes to have so many bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.started: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers in one piece."""
        self.started.append(scope["path"])
        await receive()
        await self.may_answer.wait()
        body = body_of(scope["path"], self.size)
        length = (b"content-length", b"%d" % len(body))
        await send_whole(send, 200, [length], body)


def body_of(path: str, size: int) -> bytes:
    """Returns the body of a path's response."""
    return path.encode() * (size // len(path))


@asynccontextmanager
async def serving(
    size: int, send_seconds: float, **limits: Any
) -> AsyncIterator[tuple[Application, AsgiServer]]:
    """Serves an application whose responses have so many bytes."""
    application = Application(size)
    limits |= {"response_seconds": send_seconds}
    async with serve_websockets(application, **limits) as server:
        yield application, server


async def ask(server: AsgiServer, data: bytes) -> tuple[RawClient, PunctualProtocol]:
    """Sends bytes by a client that has little room for what it does not read."""
    client = await server.connect(data, receive_bytes=16_384)
    connections = server.server.server_state.connections
    await eventually(lambda: bool(connections), "The connection")
    (protocol,) = connections
    assert isinstance(protocol, PunctualProtocol)
    return client, protocol


def cuts() -> float:
    """Returns how many connections were cut off."""
    return REGISTRY.get_sample_value("basket_unread_responses_total") or 0.0


async def cutting(server: AsgiServer) -> None:
    """Waits until the server has no connection."""
    connections = server.server.server_state.connections
    await eventually(lambda: not connections, "The end of the connection")


async def read_body(client: RawClient, size: int) -> bytes:
    """Reads the head of a response, and a body of a size."""
    await client.head()
    return await client.reader.readexactly(size)


def is_freed() -> bool:
    """Whether next to nothing is left of what Python has taken since it was traced."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] < 1_000_000


def test_a_client_that_reads_nothing_is_cut_off_and_its_memory_freed(
    run: Callable[[Test], None],
) -> None:
    async def test() -> None:
        before = cuts()
        async with serving(LARGE, 0.5) as (application, server):
            tracemalloc.start()
            try:
                client, _ = await ask(server, GET % 1)
                await cutting(server)
                # An event loop frees its write buffer a little after the connection is lost.
                await eventually(is_freed, "The end of what the response took")
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert peak > LARGE
            assert len(await client.everything()) < LARGE
        assert (application.started, cuts() - before) == (["/1"], 1)

    run(test)


def test_a_client_that_reads_a_little_between_two_checks_gets_everything(
    run: Callable[[Test], None],
) -> None:
    async def test() -> None:
        before = cuts()
        async with serving(LARGE, HOURS) as (_, server):
            client, protocol = await ask(server, GET % 1)
            await eventually(lambda: protocol.unread_timer is not None, "The timer")
            head = await client.head()
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            body = b""
            # Much less than what makes the system take more.
            for _ in range(5):
                body += await read_a_little(client, protocol)
                protocol.check_unread()
            body += await client.reader.readexactly(LARGE - len(body))
            assert body == body_of("/1", LARGE)
            await eventually(lambda: protocol.unread_timer is None, "The end of the timer")
            client.writer.write(GET % 2)
            assert await read_body(client, LARGE) == body_of("/2", LARGE)
        assert cuts() == before

    run(test)


async def read_a_little(client: RawClient, protocol: PunctualProtocol) -> bytes:
    """Reads until the server can tell, and returns what was read."""
    data = b""
    while count_unread_bytes(protocol.transport) >= protocol.unread_bytes:
        data += await client.reader.readexactly(1_000)
        await asyncio.sleep(0)
    assert len(data) < 1_000_000
    return data


def test_a_client_that_does_not_read_the_rest_of_a_closing_connection_is_cut_off(
    run: Callable[[Test], None],
) -> None:
    async def test() -> None:
        before = cuts()
        async with serving(LARGE, 0.5) as (_, server):
            client, protocol = await ask(server, b"")
            # The event loop does not say that output waits, as if the rest was a small one.
            protocol.transport.set_write_buffer_limits(2 * LARGE)
            client.writer.write(GET.replace(b"Host", b"Connection: close\r\nHost") % 1)
            await cutting(server)
            assert len(await client.everything()) < LARGE
        assert cuts() - before == 1

    run(test)


@pytest.mark.parametrize("reads", [True, False])
def test_requests_that_come_before_responses_are_read_wait(
    run: Callable[[Test], None], *, reads: bool
) -> None:
    async def test() -> None:
        requests = b"".join(GET % number for number in range(100))
        async with serving(1_000_000, HOURS if reads else 0.5) as (application, server):
            client, protocol = await ask(server, requests)
            await eventually(lambda: protocol.unread_timer is not None, "The timer")
            assert not protocol.is_running()
            started = len(application.started)
            assert started < 50
            if reads:
                for number in range(100):
                    body = body_of(f"/{number}", 1_000_000)
                    assert await read_body(client, len(body)) == body
                started = 100
            else:
                await cutting(server)
            assert application.started == [f"/{number}" for number in range(started)]

    run(test)


def test_few_requests_are_parsed_before_their_turn(run: Callable[[Test], None]) -> None:
    async def test() -> None:
        async with serving(10, HOURS) as (application, server):
            application.may_answer.clear()
            client, protocol = await ask(server, GET % 0)
            await eventually(lambda: application.started == ["/0"], "The first request")
            requests = b"".join(GET % number for number in range(1, 200_000))
            client.writer.write(requests)
            await eventually(lambda: protocol.flow.is_full, "The end of the reading")
            waiting = len(protocol.waiting)
            assert (len(protocol.pipeline) < 200, waiting < 500_000) == (True, True)
            assert application.started == ["/0"]
            application.may_answer.set()
            for number in range(2_000):
                body = body_of(f"/{number}", 10)
                assert await read_body(client, len(body)) == body

    run(test)


def test_a_head_whose_rest_is_not_read_yet_is_not_too_late(
    run: Callable[[Test], None],
) -> None:
    async def test() -> None:
        third = GET % 3
        async with serving(10, HOURS, arrival_seconds=0.2) as (application, server):
            application.may_answer.clear()
            client, protocol = await ask(server, GET % 1 + GET % 2 + third[:9])
            await eventually(lambda: len(protocol.pipeline) == 1, "The second request")
            timer = protocol.timer
            await eventually(lambda: protocol.timer is not timer, "The timeout")
            client.writer.write(third[9:])
            await eventually(lambda: protocol.waiting == third[9:], "The rest")
            application.may_answer.set()
            for number in (1, 2, 3):
                body = body_of(f"/{number}", 10)
                assert await read_body(client, len(body)) == body

    run(test)


async def test_a_client_that_leaves_a_download_unread_is_cut_off(
    shop: Shop, sqlite_url: str, tmp_path: Path
) -> None:
    before = cuts()
    options: dict[str, Any] = {"response_send_seconds": 0.5}
    async with serve(sqlite_url, shop, str(tmp_path / "exports"), **options) as service:
        await fill(service.main)
        export = await completed(service.main, format="CSV", fields=["QUANTITY"])
        (file,) = (tmp_path / "exports").rglob("*.csv")
        file.write_bytes(b"x" * LARGE)
        path = export["url"].removeprefix("http://127.0.0.1:8000").encode()
        async with listen(service) as server:
            client, _ = await ask(server, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            await cutting(server)
            await eventually(lambda: not server.server.server_state.tasks, "The task's end")
            head, _, body = (await client.everything()).partition(b"\r\n\r\n")
            assert b"content-length: 17000000" in head.lower()
            assert len(body) < LARGE
    assert cuts() - before == 1
