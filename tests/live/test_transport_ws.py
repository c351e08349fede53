"""The protocol `graphql-transport-ws`: its operations."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.user import Token
from tests.support.lines import line
from tests.support.service import Service
from tests.support.transport_ws import VIEWER, WebSocketPeer, open_peer
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE
from tests.support.websockets import AsgiServer, listen
from web.live.metrics import CONNECTIONS, OPERATIONS, Transport

ADD = """mutation ($input: BasketItemsAddInput!) { basketItemsAdd(input: $input) {
  basket { version } userErrors { code } } }"""


@pytest.fixture
async def server(service: Service) -> AsyncIterator[AsgiServer]:
    """The application at a port; every test leaves nothing behind."""
    async with listen(service) as opened:
        yield opened
        await eventually(lambda: not opened.protocols(), "The end of all connections")
    assert_nothing_is_left(service)


@pytest.fixture
async def peer(server: AsgiServer) -> AsyncIterator[WebSocketPeer]:
    """A connection that has sent nothing."""
    async with open_peer(server.url) as opened:
        yield opened


def assert_nothing_is_left(service: Service) -> None:
    """Checks that no connection is counted, no topic watched, and no operation runs."""
    state = service.application.state
    connections = state["live_connections"]
    assert (connections.count, connections.addresses, connections.tokens) == (0, {}, {})
    assert CONNECTIONS.labels(Transport.WEBSOCKET)._value.get() == 0
    names = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    assert not any(name.startswith("Operations.") for name in names)


async def test_a_query_is_answered_and_completed(peer: WebSocketPeer) -> None:
    await peer.initialise()
    assert peer.connection.subprotocol == "graphql-transport-ws"
    await peer.subscribe("1", VIEWER)
    assert await peer.next("1") == {"email": "main@example.invalid"}
    assert await peer.receive() == {"id": "1", "type": "complete"}


async def test_a_mutation_is_committed_and_answered(
    peer: WebSocketPeer, service: Service
) -> None:
    await peer.initialise()
    items = [line(1, division="ERP01")]
    await peer.subscribe("a", ADD, input={"items": items})
    assert await peer.next("a") == {"basket": {"version": 1}, "userErrors": []}
    assert await peer.receive() == {"id": "a", "type": "complete"}
    basket = await service.main.basket()
    assert basket is not None
    assert basket["itemCount"] == 1


async def test_a_subscription_follows_changes_until_it_is_completed(
    peer: WebSocketPeer, service: Service
) -> None:
    await peer.initialise()
    await peer.subscribe("watch", ACTIVE)
    assert await peer.next("watch") is None
    await service.main.accepted("basketItemsAdd", items=[line(1, division="ERP01")])
    assert (await peer.next("watch"))["version"] == 1
    await peer.send(id="watch", type="complete")
    # The same id is free again.
    await peer.subscribe("watch", ACTIVE)
    assert (await peer.next("watch"))["version"] == 1
    await service.main.accepted("basketItemsAdd", items=[line(2, division="ERP01")])
    assert (await peer.next("watch"))["version"] == 2
    await peer.send(type="ping")
    assert await peer.receive() == {"type": "pong"}


async def test_operations_run_side_by_side(peer: WebSocketPeer, service: Service) -> None:
    await peer.initialise()
    await peer.subscribe("watch", ACTIVE)
    assert await peer.next("watch") is None
    await peer.subscribe("add", ADD, input={"items": [line(1, division="ERP01")]})
    messages = [await peer.receive() for _ in range(3)]
    assert sorted((each["id"], each["type"]) for each in messages) == [
        ("add", "complete"),
        ("add", "next"),
        ("watch", "next"),
    ]


async def test_a_revoked_token_closes_by_4403(
    peer: WebSocketPeer, service: Service
) -> None:
    await peer.initialise()
    await peer.subscribe("1", ACTIVE)
    assert await peer.next("1") is None
    await Token.filter(user__email="main@example.invalid").delete()
    assert await peer.closed() == (4403, "The token is not valid any more.")


async def test_a_connection_that_is_lost_leaves_nothing_behind(
    server: AsgiServer, service: Service
) -> None:
    before = OPERATIONS.labels(Transport.WEBSOCKET)._value.get()
    async with open_peer(server.url) as peer:
        await peer.initialise()
        for number in range(20):
            await peer.subscribe(str(number), ACTIVE)
            assert await peer.next(str(number)) is None
        peer.connection.transport.abort()
    assert OPERATIONS.labels(Transport.WEBSOCKET)._value.get() - before == 20
    await eventually(lambda: not server.protocols(), "The end")
    assert_nothing_is_left(service)
