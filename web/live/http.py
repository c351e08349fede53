"""Subscriptions over HTTP: one response each, which goes on while events come."""

from collections.abc import AsyncGenerator, AsyncIterator

from starlette.types import ASGIApp, Scope

from models.user import Buyer
from web.graphql.executor import GraphQLExecutor, Prepared
from web.graphql.media_type import EVENT_STREAM
from web.http.authentication import read_digest
from web.live.response import StreamedResponse, stream_response
from web.live.session import Session


class HttpStreams:
    """Makes the streamed responses of an application; both times are in seconds."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        *,
        heartbeat_seconds: float = 12.0,
        send_seconds: float = 60.0,
    ) -> None:
        self._executor = executor
        self._heartbeat_seconds = heartbeat_seconds
        self._send_seconds = send_seconds

    def one(self, content: bytes) -> ASGIApp:
        """Returns the stream of one result, of a query or a mutation."""
        return self._stream(EVENT_STREAM, Begun(content, None))

    async def watch(
        self,
        scope: Scope,
        buyer: Buyer,
        prepared: Prepared,
        media_type: str,
        *,
        wants_cost: bool,
    ) -> ASGIApp:
        """Returns the stream of a subscription's events; raises RequestErrors."""
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        digest = read_digest(authorization)
        session = Session(self._executor, scope["state"], buyer, digest)
        events = session.watch(prepared, wants_cost=wants_cost)
        # Read before the response begins, because a rejected subscription has another status.
        first = await anext(events)
        return self._stream(media_type, Begun(first, events))

    def _stream(self, media_type: str, events: "Begun") -> StreamedResponse:
        return stream_response(
            media_type,
            events,
            heartbeat_seconds=self._heartbeat_seconds,
            send_seconds=self._send_seconds,
        )


class Begun:
    """Events of which the first one is there already."""

    def __init__(self, first: bytes, others: AsyncGenerator[bytes] | None) -> None:
        self._first = first
        self._others = others

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yields the first event, then the others."""
        yield self._first
        # An event may be large, and the stream may be idle for hours.
        self._first = b""
        if self._others is not None:
            async for event in self._others:
                yield event

    async def aclose(self) -> None:
        """Ends the operation."""
        if self._others is not None:
            await self._others.aclose()
