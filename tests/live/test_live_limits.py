"""Limits of live connections, each at its edge, with the sentence that names its setting."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.service import serve
from tests.support.shop import Shop
from tests.support.transport_ws import VIEWER, WebSocketPeer, open_peer
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE
from tests.support.websockets import AsgiServer, listen

Serve = Callable[..., AbstractAsyncContextManager[AsgiServer]]


@pytest.fixture
def serve_with(sqlite_url: str, shop: Shop) -> Serve:
    """Serves the application at a port, with options of the test."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[AsgiServer]:
        async with serve(sqlite_url, shop, **options) as service, listen(service) as server:
            yield server

    return opened


async def test_a_process_without_room_closes_by_1013(serve_with: Serve) -> None:
    async with serve_with(live_connections=2) as server, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(open_peer(server.url)) for _ in range(3)]
        assert await peers[2].closed() == (
            1013,
            "The server has 2 live connections, all that LIVE_CONNECTIONS allows.",
        )
        await peers[0].connection.close()
        await eventually(lambda: len(server.protocols()) == 1, "The end of two")
        async with open_peer(server.url) as peer:
            await peer.initialise()


async def test_no_connections_may_be_allowed(serve_with: Serve) -> None:
    async with serve_with(live_connections=0) as server, open_peer(server.url) as peer:
        assert (await peer.closed())[0] == 1013


async def test_an_address_has_a_limit(serve_with: Serve) -> None:
    async with serve_with(live_connections_per_address=1) as server:
        async with open_peer(server.url) as peer, open_peer(server.url) as second:
            await peer.initialise()
            assert await second.closed() == (
                4429,
                "Your address has 1 live connections, all that "
                "LIVE_CONNECTIONS_PER_ADDRESS allows.",
            )
            await peer.subscribe("1", VIEWER)
            await peer.next("1")
        await eventually(lambda: not server.protocols(), "The end")
        async with open_peer(server.url) as peer:
            await peer.initialise()


async def test_a_token_has_a_limit(serve_with: Serve) -> None:
    async with serve_with(live_connections_per_token=1) as server:
        async with open_peer(server.url) as peer, open_peer(server.url) as second:
            await peer.initialise(token="main")
            await second.send(type="connection_init", payload={"token": "main"})
            assert await second.closed() == (
                4429,
                "The token has 1 live connections, all that LIVE_CONNECTIONS_PER_TOKEN allows.",
            )
            async with open_peer(server.url) as third:
                await third.initialise(token="sub")
        await eventually(lambda: not server.protocols(), "The end")
        async with open_peer(server.url) as peer:
            await peer.initialise(token="main")


async def test_a_connection_has_a_limit_of_operations(serve_with: Serve) -> None:
    options = {"live_operations_per_connection": 2}
    async with serve_with(**options) as server, open_peer(server.url) as peer:
        await peer.initialise()
        for name in ("1", "2"):
            await peer.subscribe(name, ACTIVE)
            assert await peer.next(name) is None
        await peer.subscribe("3", VIEWER)
        message = await peer.receive()
        assert message == {
            "id": "3",
            "type": "error",
            "payload": [
                {
                    "message": "2 operations run on this connection, all that "
                    "LIVE_OPERATIONS_PER_CONNECTION allows.",
                    "extensions": {"code": "TOO_MANY_OPERATIONS"},
                }
            ],
        }
        await peer.send(id="1", type="complete")
        # The cancelled operation ends at its next step, so the client may ask a little early.
        await eventually(lambda: is_answered(peer), "Room for an operation")


async def is_answered(peer: WebSocketPeer) -> bool:
    """Queries, and returns whether there was room for it."""
    await peer.subscribe("query", VIEWER)
    if (await peer.receive())["type"] == "error":
        return False
    return await peer.receive() == {"id": "query", "type": "complete"}


async def test_each_operation_counts_against_the_rate_of_the_token(
    serve_with: Serve,
) -> None:
    async with serve_with(rate_limit_token="3/hour") as server:
        async with open_peer(server.url) as peer:
            await peer.initialise()
            for name in ("1", "2"):
                await peer.subscribe(name, VIEWER)
                await peer.next(name)
                assert (await peer.receive())["type"] == "complete"
            await peer.subscribe("3", VIEWER)
            assert await peer.error("3") == "RATE_LIMITED"
        async with open_peer(server.url) as peer:
            await peer.send(type="connection_init", payload={"token": "main"})
            code, reason = await peer.closed()
            assert (code, reason[:30]) == (4429, "The limit of 3/hour is passed;")


async def test_handshakes_count_against_the_rate_of_the_address(serve_with: Serve) -> None:
    async with serve_with(rate_limit_address="2/hour") as server:
        for _ in range(2):
            async with open_peer(server.url):
                pass
        with pytest.raises(InvalidStatus) as rejected:
            async with open_peer(server.url):
                pass
        assert rejected.value.response.status_code == 429
        assert rejected.value.response.headers["Retry-After"]


async def test_unknown_tokens_count_ten_times(serve_with: Serve) -> None:
    async with serve_with(rate_limit_address="12/hour") as server:
        codes = []
        for _ in range(2):
            async with open_peer(server.url) as peer:
                await peer.send(type="connection_init", payload={"token": "unknown"})
                codes.append((await peer.closed())[0])
        assert codes == [4403, 4429]


async def test_a_message_has_a_limit(serve_with: Serve) -> None:
    async with serve_with(live_message_bytes=100) as server:
        async with open_peer(server.url) as peer:
            await peer.connection.send('{"type":"ping"}'.ljust(100))
            assert (await peer.receive())["type"] == "pong"
            await peer.connection.send('{"type":"ping"}'.ljust(101))
            code, reason = await peer.closed()
            assert code == 1009
            assert "100 bytes" in reason


async def test_a_message_of_a_stranger_has_a_lower_limit(serve_with: Serve) -> None:
    async with serve_with(live_message_bytes=100_000) as server:
        async with open_peer(server.url) as peer:
            await peer.connection.send('{"type":"ping"}'.ljust(16_384))
            assert (await peer.receive())["type"] == "pong"
            await peer.initialise()
            await peer.connection.send('{"type":"ping"}'.ljust(100_000))
            assert (await peer.receive())["type"] == "pong"
        async with open_peer(server.url) as peer:
            await peer.connection.send('{"type":"ping"}'.ljust(16_385))
            assert (await peer.closed())[0] == 1009


async def test_the_initialisation_has_a_limit(serve_with: Serve) -> None:
    async with serve_with(live_init_seconds=0.2) as server:
        async with open_peer(server.url) as peer:
            await peer.initialise()
            async with open_peer(server.url) as late:
                await late.send(type="ping")
                assert await late.receive() == {"type": "pong"}
                assert await late.closed() == (4408, "Connection initialisation timeout")
            await peer.subscribe("1", VIEWER)
            await peer.next("1")
