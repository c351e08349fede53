"""Clients that flood, vanish or never read, and changes that outlive their connection."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.lines import line
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.transport_ws import VIEWER, open_peer
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE
from tests.support.websockets import HANDSHAKE, AsgiServer, RawClient, frame, listen
from web.live.metrics import EVENTS, SLOW_READERS, Transport

ADD = """mutation ($input: BasketItemsAddInput!) { basketItemsAdd(input: $input) {
  basket { version } userErrors { code } } }"""
LARGE = "{ __schema { types { name description fields { name description } } } }"
OPENING = HANDSHAKE + b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"


def message(**content: Any) -> bytes:
    """Writes a message of a client as a frame."""
    return frame(json.dumps(content).encode())


def subscribe(identifier: str, query: str) -> bytes:
    """Writes the beginning of an operation."""
    return message(id=identifier, type="subscribe", payload={"query": query})


INIT = message(type="connection_init", payload={"token": "main"})


async def open_raw(server: AsgiServer, *pieces: bytes) -> RawClient:
    """Opens a connection that takes little, and initialises it."""
    client = await server.connect(OPENING + INIT + b"".join(pieces), receive_bytes=4_096)
    await client.head()
    return client


@asynccontextmanager
async def watched(
    url: str, shop: Shop, **options: Any
) -> AsyncIterator[tuple[Service, AsgiServer]]:
    """Serves the application with options; checks that clients have left nothing behind."""
    async with serve(url, shop, introspection=True, **options) as service:
        async with listen(service) as server:
            yield service, server
            await eventually(lambda: is_unused(service, server), "The end of everything")


def is_unused(service: Service, server: AsgiServer) -> bool:
    """Whether no connection is open or counted, no topic is watched, and no operation runs."""
    state = service.application.state
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return (
        not server.protocols()
        and state["live_connections"].count == 0
        and not state["live_connections"].addresses
        and not state["live_connections"].tokens
        and not state["live_connections"].results.tokens
        and not state["hub"].topics
        and not any(name.startswith(("Operations.", "LiveWebSocket.")) for name in names)
    )


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_flood_of_operations_leaves_nothing_behind(
    sqlite_url: str, shop: Shop, is_read: bool
) -> None:
    async with watched(sqlite_url, shop, rate_limit_token="0") as (_, server):
        client = await open_raw(server)
        flood = b"".join(
            subscribe(str(number), ACTIVE) + message(id=str(number), type="complete")
            for number in range(3_000)
        )
        client.writer.write(flood + message(type="ping", payload={"last": True}))
        if is_read:
            await client.reader.readuntil(b'{"type":"pong","payload":{"last":true}}')
        else:
            await eventually(
                lambda: client.writer.transport.get_write_buffer_size() == 0, "All sent"
            )
        await server.close_clients()


async def test_while_one_floods_others_are_served(sqlite_url: str, shop: Shop) -> None:
    async with watched(sqlite_url, shop) as (_, server):
        client = await open_raw(server)
        client.writer.write(message(type="pong") * 50_000 + message(type="ping"))
        async with open_peer(server.url) as peer:
            await peer.initialise()
            await peer.subscribe("1", VIEWER)
            assert await peer.next("1") == {"email": "main@example.invalid"}
        await client.reader.readuntil(b'{"type":"pong"}')
        await server.close_clients()


async def test_a_client_that_never_reads_is_cut_off(sqlite_url: str, shop: Shop) -> None:
    before = SLOW_READERS.labels(Transport.WEBSOCKET)._value.get()
    async with watched(sqlite_url, shop, live_send_seconds=0.5) as (_, server):
        client = await open_raw(server)
        client.writer.write(
            b"".join(subscribe(str(number), LARGE) for number in range(100))
        )
        await eventually(lambda: not server.protocols(), "The end")
    assert SLOW_READERS.labels(Transport.WEBSOCKET)._value.get() - before == 1


async def test_a_client_that_vanished_is_noticed(sqlite_url: str, shop: Shop) -> None:
    options = {"live_heartbeat_seconds": 0.1, "live_send_seconds": 0.3}
    async with watched(sqlite_url, shop, **options) as (service, server):
        # It answers nothing any more, and its system accepts what is sent: a half-open socket.
        client = await open_raw(server, subscribe("1", ACTIVE))
        await client.reader.readuntil(b'"next"')
        assert len(service.application.state["hub"].topics) == 1


@pytest.mark.long
async def test_a_slow_reader_gets_the_newest_state(sqlite_url: str, shop: Shop) -> None:
    async with watched(sqlite_url, shop) as (service, server):
        client = await open_raw(server, subscribe("1", ACTIVE))
        await client.reader.readuntil(b'"next"')
        (protocol,) = server.protocols()
        # Its own answers fill the connection, so that no event can leave.
        client.writer.write(
            b"".join(subscribe(f"q{number}", LARGE) for number in range(60))
        )
        await eventually(lambda: not protocol.writable.is_set(), "A full connection")
        for _ in range(30):
            await service.main.accepted("basketItemsAdd", items=[line(1, division="ERP01")])
        sent = EVENTS.labels(Transport.WEBSOCKET)._value.get()
        data = b""
        while b'"version":30' not in data:
            data += await client.reader.read(65_536)
        assert data.count(b'{"id":"1","type":"next"') <= 3
        assert EVENTS.labels(Transport.WEBSOCKET)._value.get() > sent
        await server.close_clients()


@pytest.mark.parametrize("way", ["complete", "disconnect"])
async def test_a_mutation_that_nobody_waits_for_is_committed(
    database_url: str, shop: Shop, way: str
) -> None:
    shop.gate = asyncio.Event()
    async with watched(database_url, shop) as (service, server):
        async with open_peer(server.url) as peer:
            await peer.initialise()
            await peer.subscribe("1", ADD, input={"items": [line(1, division="ERP01")]})
            await eventually(lambda: bool(shop.requests), "The request to Commerce")
            if way == "complete":
                await peer.send(id="1", type="complete")
                await peer.send(type="ping")
                assert await peer.receive() == {"type": "pong"}
                shop.gate.set()
                await eventually(lambda: has_version(service, 1), "The change")
                await peer.send(type="ping")
                # Its result is not sent.
                assert await peer.receive() == {"type": "pong"}
        shop.gate.set()
        await eventually(lambda: has_version(service, 1), "The change")


async def has_version(service: Service, version: int) -> bool:
    """Whether the active basket has a version."""
    basket = await service.main.basket()
    return basket is not None and basket["version"] == version


async def test_a_server_that_stops_answers_what_runs_and_ends_what_watches(
    database_url: str, shop: Shop
) -> None:
    shop.gate = asyncio.Event()
    async with serve(database_url, shop) as service, listen(service) as server:
        async with open_peer(server.url) as peer:
            await peer.initialise()
            await peer.subscribe("watch", "subscription { activeBasket { version } }")
            assert await peer.next("watch") is None
            await peer.subscribe("add", ADD, input={"items": [line(1, division="ERP01")]})
            await eventually(lambda: bool(shop.requests), "The request to Commerce")
            server.server.should_exit = True
            await eventually(lambda: is_closed(server.port), "The end of the port")
            shop.gate.set()
            assert (await peer.next("add"))["basket"] == {"version": 1}
            assert await peer.receive() == {"id": "add", "type": "complete"}
            assert await peer.closed() == (1001, "The server stops.")


def is_closed(port: int) -> bool:
    """Whether nothing listens at a port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0
