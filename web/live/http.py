"""Subscriptions over HTTP: one response each, which goes on while events come."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self

from starlette.types import ASGIApp, Scope

from request_record import current_record
from settings.options import Options
from web.graphql.executor import GraphQLExecutor, Prepared
from web.graphql.media_type import EVENT_STREAM
from web.http.address_limit import client_address
from web.http.authentication import Caller
from web.http.bad_request import BadRequest
from web.live.limits import (
    LiveConnection,
    LiveConnections,
    ProcessFull,
    TooManyConnections,
)
from web.live.memory import MEMORY_CODE, TooMuchMemory
from web.live.metrics import EVENTS, OPERATIONS, Transport
from web.live.response import StreamedResponse, stream_response
from web.live.session import Session

LIMIT_CODE = "TOO_MANY_CONNECTIONS"


class HttpStreams:
    """Makes the streamed responses of an application; both times are in seconds."""

    def __init__(
        self, executor: GraphQLExecutor, *, heartbeat_seconds: float, send_seconds: float
    ) -> None:
        self._executor = executor
        self._heartbeat_seconds = heartbeat_seconds
        self._send_seconds = send_seconds

    @classmethod
    def from_options(cls, executor: GraphQLExecutor, options: Options) -> Self:
        """Returns the streams of an application."""
        return cls(
            executor,
            heartbeat_seconds=options.live_heartbeat_seconds,
            send_seconds=options.live_send_seconds,
        )

    def one(self, content: bytes) -> ASGIApp:
        """Returns the stream of one result, of a query or a mutation."""
        return self._stream(EVENT_STREAM, CountedEvents(content, None, None, Transport.SSE))

    async def watch(
        self,
        scope: Scope,
        caller: Caller,
        prepared: Prepared,
        media_type: str,
        *,
        wants_cost: bool,
    ) -> ASGIApp:
        """Returns the stream of a subscription's events.

        Raises RequestErrors, and BadRequest for one beyond the limits.
        """
        is_sse = media_type == EVENT_STREAM
        transport = Transport.SSE if is_sse else Transport.MULTIPART
        connection = _count_connection(scope, transport, caller.credential.digest)
        session = Session(self._executor, scope["state"], caller, transport)
        events = session.watch(prepared, wants_cost=wants_cost)
        try:
            # Read before the response begins: a rejected subscription has another status.
            first = await anext(events)
        except TooMuchMemory as rejection:
            connection.__exit__()
            raise BadRequest(rejection.status, MEMORY_CODE, str(rejection)) from None
        except BaseException:
            connection.__exit__()
            raise
        OPERATIONS.labels(transport).inc()
        current_record().outcome = "ok"
        return self._stream(media_type, CountedEvents(first, events, connection, transport))

    def _stream(self, media_type: str, events: "CountedEvents") -> StreamedResponse:
        return stream_response(
            media_type,
            events,
            heartbeat_seconds=self._heartbeat_seconds,
            send_seconds=self._send_seconds,
        )


def _count_connection(scope: Scope, transport: Transport, digest: str) -> LiveConnection:
    """Counts a connection, until its context is left; raises BadRequest (429 or 503)."""
    connections: LiveConnections = scope["state"]["live_connections"]
    connection = connections.connection(transport, client_address(scope), digest)
    try:
        return connection.__enter__()
    except ProcessFull as rejection:
        raise BadRequest(503, LIMIT_CODE, str(rejection)) from None
    except TooManyConnections as rejection:
        raise BadRequest(429, LIMIT_CODE, str(rejection)) from None


class CountedEvents:
    """The events of a response, of which the first one is there already."""

    def __init__(
        self,
        first: bytes,
        others: AsyncGenerator[bytes] | None,
        connection: LiveConnection | None,
        transport: Transport,
    ) -> None:
        self._first = first
        self._others = others
        self._connection = connection
        self._count = EVENTS.labels(transport).inc

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yields the first event, then the others."""
        # An event may be large, and the stream may be idle for hours.
        first, self._first = self._first, b""
        self._count()
        yield first
        del first
        if self._others is not None:
            async for event in self._others:
                self._count()
                yield event
                del event

    async def aclose(self) -> None:
        """Ends the operation, and counts its connection no more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.__exit__()
        if self._others is not None:
            await self._others.aclose()
