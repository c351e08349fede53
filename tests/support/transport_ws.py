"""A client of `graphql-transport-ws` that sends and receives single messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.waiting import TIMEOUT_SECONDS

VIEWER = "{ viewer { email } }"
SUBPROTOCOL = Subprotocol("graphql-transport-ws")


class WebSocketPeer:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        """Sends a message of the protocol."""
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """Waits for the next message."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def initialise(self, **payload: Any) -> None:
        """Sends `connection_init`, by default with the main buyer's token, and awaits the rest."""
        token = {"Authorization": "Token main"}
        await self.send(type="connection_init", payload=payload or token)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, identifier: str, query: str, **variables: Any) -> None:
        """Begins an operation."""
        payload = {"query": query, "variables": variables}
        await self.send(id=identifier, type="subscribe", payload=payload)

    async def next(self, identifier: str) -> Any:
        """Waits for the next result of an operation, and returns the value of its root field."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", identifier), message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        return value

    async def error(self, identifier: str) -> str:
        """Waits for the error of an operation, and returns its code."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("error", identifier), message
        (error,) = message["payload"]
        code: str = error["extensions"]["code"]
        return code

    async def closed(self) -> tuple[int, str]:
        """Waits until the server closes, and returns code and reason."""
        with pytest.raises(ConnectionClosed) as closed:
            await self.receive()
        close = closed.value.rcvd
        assert close is not None
        return close.code, close.reason


@asynccontextmanager
async def open_peer(
    url: str, *, subprotocol: str | None = SUBPROTOCOL, **options: Any
) -> AsyncIterator[WebSocketPeer]:
    """Opens a connection."""
    offered = [Subprotocol(subprotocol)] if subprotocol else None
    async with connect(url, subprotocols=offered, **options) as connection:
        yield WebSocketPeer(connection)
