"""The protocol `graphql-transport-ws`: handshakes, authentication and every close code."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.service import serve
from tests.support.shop import Shop
from tests.support.transport_ws import VIEWER, WebSocketPeer, open_peer
from tests.support.watching import ACTIVE
from tests.support.websockets import AsgiServer, listen


@pytest.fixture
async def server(sqlite_url: str, shop: Shop) -> AsyncIterator[AsgiServer]:
    """The application at a port; on one database, as these tests hardly use it."""
    async with serve(sqlite_url, shop) as service, listen(service) as opened:
        yield opened


@pytest.fixture
async def peer(server: AsgiServer) -> AsyncIterator[WebSocketPeer]:
    """A connection that has sent nothing."""
    async with open_peer(server.url) as opened:
        yield opened


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"a": [1]}}])
async def test_a_ping_is_answered_with_its_payload(
    peer: WebSocketPeer, payload: dict[str, Any]
) -> None:
    sent = {name: value for name, value in payload.items() if value is not None}
    for _ in range(2):
        await peer.send(type="ping", **payload)
        assert await peer.receive() == {"type": "pong", **sent}
        await peer.send(type="pong", **payload)
        await peer.send(id="unknown", type="complete")
        if peer.connection.subprotocol and _ == 0:
            await peer.initialise()


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Token main"},
        {"authorization": "bearer main"},
        {"token": "main"},
        {"authToken": "main"},
    ],
)
async def test_the_token_may_be_in_the_payload(
    peer: WebSocketPeer, payload: dict[str, Any]
) -> None:
    await peer.initialise(**payload)


async def test_the_token_may_be_in_a_header_and_the_payload_goes_first(
    server: AsgiServer,
) -> None:
    headers = {"Authorization": "Token sub"}
    for payload, email in (({"x": 1}, "sub"), ({"token": "main"}, "main")):
        async with open_peer(server.url, additional_headers=headers) as peer:
            await peer.initialise(**payload)
            await peer.subscribe("1", VIEWER)
            assert await peer.next("1") == {"email": f"{email}@example.invalid"}


@pytest.mark.parametrize("token", ["unknown", "gone", "", "\u0000", "ä" * 1_000])
async def test_a_token_that_is_not_valid_closes_by_4403(
    peer: WebSocketPeer, token: str
) -> None:
    await peer.send(type="connection_init", payload={"token": token})
    assert await peer.closed() == (4403, "Forbidden")


@pytest.mark.parametrize("payload", [None, {}, {"token": 5}])
async def test_no_token_closes_by_4401(peer: WebSocketPeer, payload: Any) -> None:
    await peer.send(type="connection_init", payload=payload)
    assert await peer.closed() == (4401, "Unauthorized")


async def test_an_operation_before_the_acknowledgement_closes_by_4401(
    peer: WebSocketPeer,
) -> None:
    await peer.subscribe("1", VIEWER)
    assert await peer.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize("subprotocol", [None, "graphql-ws"])
async def test_another_subprotocol_closes_by_4406(
    server: AsgiServer, subprotocol: str | None
) -> None:
    async with open_peer(server.url, subprotocol=subprotocol) as peer:
        assert peer.connection.subprotocol is None
        assert await peer.closed() == (4406, "Subprotocol not acceptable")


async def test_a_second_initialisation_closes_by_4429(peer: WebSocketPeer) -> None:
    await peer.initialise()
    await peer.send(type="connection_init")
    assert await peer.closed() == (4429, "Too many initialisation requests")


async def test_an_id_in_use_closes_by_4409(peer: WebSocketPeer) -> None:
    await peer.initialise()
    await peer.subscribe("ä" * 30, ACTIVE)
    assert await peer.next("ä" * 30) is None
    await peer.subscribe("ä" * 30, VIEWER)
    assert await peer.closed() == (4409, f"Subscriber for {'ä' * 30} already exists")


INVALID = {
    "x": "The message is not JSON: unexpected character, expected a JSON value",
    '{"type": "ping", "type": "pong"}': (
        "The message is not JSON: an object has the name 'type' twice."
    ),
    "[" * 5_000 + "]" * 5_000: "The message is not JSON: depth limit exceeded",
    "[]": "The message is not a JSON object.",
    "{}": "The message has no `type` text.",
    '{"type": "next"}': "A client cannot send messages of type 'next'.",
    '{"type": "ping", "payload": []}': "The `payload` of ping is not an object.",
    '{"type": "complete"}': "The message has no `id` text.",
    '{"type": "complete", "id": 1}': "The message has no `id` text.",
    '{"type": "subscribe", "id": "", "payload": {}}': "The message has no `id` text.",
    '{"type": "subscribe", "id": "%s"}' % ("x" * 257): (
        "The `id` is longer than 256 characters."
    ),
    '{"type": "subscribe", "id": "1"}': "The `payload` of subscribe is not an object.",
    '{"type": "subscribe", "id": "1", "payload": {}}': (
        "The request has no `query` text, and no `documentId`."
    ),
    '{"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": 1}}': (
        "`variables` is not an object."
    ),
}


@pytest.mark.parametrize("text", INVALID, ids=range(len(INVALID)))
async def test_an_invalid_message_closes_by_4400(peer: WebSocketPeer, text: str) -> None:
    await peer.initialise()
    await peer.connection.send(text)
    code, reason = await peer.closed()
    assert code == 4400
    assert reason.startswith(INVALID[text])


async def test_the_reason_of_a_close_is_cut_to_what_a_frame_holds(
    peer: WebSocketPeer,
) -> None:
    await peer.connection.send('{"type": "%s"}' % ("ä" * 100))
    code, reason = await peer.closed()
    assert (code, len(reason.encode()) <= 123) == (4400, True)


async def test_a_binary_message_closes_by_4400(peer: WebSocketPeer) -> None:
    await peer.connection.send(b'{"type": "ping"}')
    assert await peer.closed() == (4400, "The message is binary; send text.")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{ viewer { shoeSize } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": VIEWER, "operationName": "other"}, "BAD_REQUEST"),
        (
            {"extensions": {"persistedQuery": {"version": 1}}},
            "PERSISTED_QUERY_NOT_FOUND",
        ),
    ],
)
async def test_a_request_that_cannot_be_executed_is_an_error_of_its_operation(
    peer: WebSocketPeer, payload: dict[str, Any], code: str
) -> None:
    await peer.initialise()
    await peer.send(id="1", type="subscribe", payload={"query": "", **payload})
    message = await peer.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["message"]
    await peer.subscribe("1", VIEWER)
    assert await peer.next("1") == {"email": "main@example.invalid"}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/graphql/", 404), ("/api/v1/basket/", 401), ("/other?/graphql", 404)],
)
async def test_no_other_path_has_websockets(
    server: AsgiServer, path: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as rejected:
        async with open_peer(server.url.replace("/graphql", path)):
            pass
    response = rejected.value.response
    assert response.status_code == status
    assert response.headers["x-request-id"]


async def test_pages_of_other_origins_are_turned_away(server: AsgiServer) -> None:
    own = server.url.replace("ws:", "http:").removesuffix("/graphql")
    for origin in (own, "http://127.0.0.1:8000"):
        async with open_peer(server.url, origin=origin) as peer:
            await peer.initialise()
    for origin in ("https://evil.example", "null", own + "0"):
        with pytest.raises(InvalidStatus) as rejected:
            async with open_peer(server.url, origin=origin):
                pass
        assert rejected.value.response.status_code == 403
