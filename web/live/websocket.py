"""WebSockets at /graphql: handshakes, and the protocol `graphql-transport-ws`."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from starlette.types import Receive, Scope, Send

from web.graphql.executor import GraphQLExecutor
from web.http.address_limit import client_address
from web.http.json_response import error_response
from web.http.rate_limit import RateLimited
from web.http.websocket import GOING_AWAY, KNOWN_CLIENT
from web.live.channel import Disconnected, MessageChannel
from web.live.limits import LiveConnection, LiveConnections, ProcessFull, TooManyConnections
from web.live.messages import Closing, MessageType, write_message
from web.live.metrics import Transport
from web.live.operations import Operations
from web.live.session import Session, open_session

SUBPROTOCOL = "graphql-transport-ws"


class LiveWebSocket:
    """The endpoint of WebSockets.

    A page of another origin is turned away: where a proxy derives the token from a cookie, such a
    page could act in the visitor's name.
    """

    def __init__(self, executor: GraphQLExecutor, origins: Collection[str]) -> None:
        self._executor = executor
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        await receive()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        authorization = headers.get(b"authorization", "")
        is_allowed = is_allowed_origin(headers, self._origins)
        # The connection may be idle for days, and nothing reads them again.
        del headers
        scope["headers"] = []
        if not is_allowed:
            message = "CORS_ORIGINS does not name the origin of this page."
            await error_response(403, "FORBIDDEN", message)(scope, receive, send)
            return
        channel = MessageChannel(receive, send)
        is_known = SUBPROTOCOL in scope["subprotocols"]
        with suppress(Disconnected):
            await channel.accept(SUBPROTOCOL if is_known else None)
            try:
                if not is_known:
                    raise Closing(4406, "Subprotocol not acceptable")
                await self._serve(channel, scope, authorization)
            except Closing as closing:
                await channel.close(closing.code, closing.reason)

    async def _serve(
        self, channel: MessageChannel, scope: Scope, authorization: str
    ) -> None:
        """Serves a connection until it ends; raises Closing and Disconnected."""
        connections: LiveConnections = scope["state"]["live_connections"]
        limits = connections.limits
        try:
            with connections.connection(
                Transport.WEBSOCKET, client_address(scope)
            ) as counted:
                payload = await read_init(channel, limits.init_seconds)
                authorization = read_authorization(payload) or authorization
                session = await self._authenticate(scope, authorization, counted)
                await channel.send(write_message("connection_ack"))
                count = limits.operations_per_connection
                operations = Operations(channel, session, count, self._executor.instrument)
                await run_operations(channel, operations)
        except ProcessFull as rejection:
            raise Closing(1013, str(rejection)) from None
        except TooManyConnections as rejection:
            raise Closing(4429, str(rejection)) from None

    async def _authenticate(
        self, scope: Scope, authorization: str, counted: LiveConnection
    ) -> Session:
        """Returns the session of a caller; raises Closing and TooManyConnections."""
        try:
            session = await open_session(
                self._executor, scope, authorization, Transport.WEBSOCKET
            )
        except RateLimited as rejection:
            raise Closing(4429, str(rejection)) from None
        if session is None and not authorization:
            raise Closing(4401, "Unauthorized")
        if session is None:
            raise Closing(4403, "Forbidden")
        counted.add_token(session.credential.digest)
        # Only our own protocol has the extension.
        if extension := scope["extensions"].get(KNOWN_CLIENT):
            extension["trust"]()
        return session


async def run_operations(channel: MessageChannel, operations: Operations) -> None:
    """Acts upon messages until the connection ends; raises Closing and Disconnected."""
    try:
        while True:
            await operations.take(await channel.receive())
    except Closing as closing:
        if closing.code == GOING_AWAY:
            await operations.finish()
        # Now, as a mutation in progress may delay the end.
        await channel.close(closing.code, closing.reason)
    finally:
        await operations.stop()


async def read_init(channel: MessageChannel, seconds: float) -> Mapping[str, Any]:
    """Returns the payload of `connection_init`; raises Closing unless it comes first, in time."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await channel.receive()
                if message.type is MessageType.INIT:
                    return message.payload or {}
                if message.type is MessageType.SUBSCRIBE:
                    raise Closing(4401, "Unauthorized")
                if message.type is MessageType.PING:
                    await channel.send(write_message("pong", payload=message.payload))
    except TimeoutError:
        raise Closing(4408, "Connection initialisation timeout") from None


def read_authorization(payload: Mapping[str, Any]) -> str:
    """Returns the Authorization header that a payload stands for, "" without one."""
    for name in ("Authorization", "authorization"):
        if isinstance(value := payload.get(name), str):
            return value
    for name in ("token", "authToken"):
        if isinstance(value := payload.get(name), str):
            return f"Token {value}"
    return ""


def is_allowed_origin(headers: Mapping[bytes, str], allowed: Collection[str]) -> bool:
    """Whether a handshake comes from a program, from the server's own page, or an allowed one."""
    origin = headers.get(b"origin")
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return origin.partition("://")[2] == headers.get(b"host")
