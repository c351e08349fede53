"""Watching baskets without a transport: a session of the application in this process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from application import create_executor
from models.user import Buyers, hash_token
from settings.options import Options
from tests.support.service import ApplicationClient
from tests.support.waiting import TIMEOUT_SECONDS
from web.graphql.executor import GraphQLExecutor
from web.graphql.request import GraphQLRequest
from web.http.authentication import Caller
from web.http.credentials import Credential
from web.live.metrics import Transport
from web.live.session import Session

ACTIVE = """subscription ($segment: Int) { activeBasket(segmentRemoteId: $segment) {
  id version status itemCount totalQuantity items { productRemoteId quantity } } }"""
CHANGES = """subscription ($id: ID!, $since: Int) { basketChanges(basketId: $id, sinceVersion: $since) {
  sinceVersion isComplete removedItemIds items { productRemoteId quantity }
  basket { version status totalQuantity } } }"""


class Watch:
    """One subscription: its events, one after the other."""

    def __init__(self, session: Session, events: AsyncGenerator[bytes]) -> None:
        self.session = session
        self._events = events

    async def next(self) -> Any:
        """Waits for the next event and returns the value of its root field."""
        content = await self.next_content()
        assert "errors" not in content, content
        (value,) = content["data"].values()
        return value

    async def next_content(self) -> Any:
        """Waits for the next event and returns all of it; raises StopAsyncIteration at the end."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return orjson.loads(await anext(self._events))


@asynccontextmanager
async def watch(
    client: ApplicationClient,
    document: str,
    token: str = "main",  # noqa: S107
    executor: GraphQLExecutor | None = None,
    **variables: Any,
) -> AsyncIterator[Watch]:
    """Watches as the caller with a token."""
    digest = hash_token(token)
    buyer = await Buyers(0).find(digest)
    assert buyer is not None
    executor = executor or create_executor(Options())
    caller = Caller(buyer, Credential(digest))
    session = Session(executor, client.state, caller, Transport.WEBSOCKET)
    events = session.run(GraphQLRequest(document, variables, None))
    try:
        yield Watch(session, events)
    finally:
        await events.aclose()
