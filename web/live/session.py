"""Sessions: one authenticated connection each, with the operations that run on it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import Any

import orjson
from starlette.types import Scope

from models.history.tables import ChangeOrigin
from models.user import Buyer, Buyers
from resolvers.context import Context
from resolvers.live_read import LiveRead
from resolvers.time_limit import TookTooLong
from schema.execution.operation import Bound
from web.graphql.errors import result_content
from web.graphql.executor import GraphQLExecutor, Prepared, RequestErrors
from web.graphql.request import GraphQLRequest
from web.http.authentication import Caller, find_caller
from web.live.memory import BYTES_PER_RESULT_BYTE, LiveMemory, TooMuchMemory
from web.live.metrics import LAG_SECONDS, Transport
from web.live.stream import EventStream

FORBIDDEN = 4403
"""The close code of a WebSocket whose caller is not let in any more."""
TRY_AGAIN_LATER = 1013
"""The close code upon which clients connect again."""


class StreamEnded(Exception):
    """Raised when the caller of a session is not let in any more, or reads too little."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Session:
    """One connection of a caller: it executes operations, and can be ended from outside."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        state: Mapping[str, Any],
        caller: Caller,
        transport: Transport,
    ) -> None:
        self.credential = caller.credential
        self._observe_lag = LAG_SECONDS.labels(transport).observe
        self._executor = executor
        self._state = state
        self._buyer = caller.buyer
        self._memory: LiveMemory = state["live_connections"].memory
        self._results: LiveMemory = state["live_connections"].results
        self._ended: StreamEnded | None = None
        self._streams = set[asyncio.Event]()

    def end(self, reason: str) -> None:
        """Ends all subscriptions, each of which raises StreamEnded."""
        self._ended = StreamEnded(FORBIDDEN, reason)
        for changed in self._streams:
            changed.set()

    def check(self) -> None:
        """Raises StreamEnded when the session was ended."""
        if self._ended is not None:
            raise self._ended

    async def run(self, request: GraphQLRequest) -> AsyncGenerator[bytes]:
        """Yields the results of an operation as JSON: one of a query or mutation.

        Raises RequestErrors when it cannot be executed, RateLimited, TooMuchMemory, and
        StreamEnded. Clears a request that watches.
        """
        # A message may take much memory, until its operation has ended or watches.
        with self._memory.hold(self.credential.digest, request.bytes):
            buyer = await self._find_buyer()
            prepared = await self._executor.prepare(request)
            if not prepared.operation.is_subscription:
                bound = self._executor.bind(prepared)
                with self._hold(prepared, 0):
                    result = await self._execute(prepared, bound, request, buyer)
                    del bound
                    with self._hold_result(result, is_expendable=prepared.is_query):
                        yield result
                return
        watching = self.watch(prepared, wants_cost=request.wants_cost)
        request.clear()
        del prepared
        async with aclosing(watching) as events:
            async for event in events:
                yield event
                # The next one may be hours away.
                del event

    async def watch(self, prepared: Prepared, *, wants_cost: bool) -> AsyncGenerator[bytes]:
        """Yields the events of a subscription as JSON.

        Raises RequestErrors, TooMuchMemory and StreamEnded.
        """
        prepared = prepared.without_unused_variables()
        stream = EventStream(
            self._executor,
            self._state["hub"],
            prepared,
            self._executor.bind(prepared),
            self._context_of_event,
            self._observe_lag,
            wants_cost=wants_cost,
        )
        json_bytes = len(orjson.dumps(prepared.variables))
        with self._hold(prepared, json_bytes), self._guarded() as note:
            async with aclosing(stream.events(note, self.check)) as events:
                is_first = True
                async for event in events:
                    # A subscription can be rejected before it has begun.
                    with self._hold_result(event, is_expendable=is_first):
                        yield event
                    is_first = False
                    del event

    @contextmanager
    def _hold_result(self, result: bytes, *, is_expendable: bool) -> Iterator[None]:
        """Counts a result while it is sent; raises TooMuchMemory, and StreamEnded.

        Without the result of a change its client would think that nothing has happened, and an
        event would be missing. So these end the session, after which clients ask again.
        """
        size, digest = BYTES_PER_RESULT_BYTE * len(result), self.credential.digest
        try:
            self._results.take(digest, size)
        except TooMuchMemory as rejection:
            if is_expendable:
                raise
            raise StreamEnded(TRY_AGAIN_LATER, str(rejection)) from None
        try:
            yield
        finally:
            self._results.release(digest, size)

    def _hold(self, prepared: Prepared, json_bytes: int) -> AbstractContextManager[None]:
        """Counts an operation with its plan, which binding has made; raises TooMuchMemory."""
        return self._memory.hold(self.credential.digest, json_bytes, prepared.document)

    @contextmanager
    def _guarded(self) -> Iterator[Callable[[asyncio.Event], None]]:
        """Yields the function by which a stream lets itself be ended while it watches."""
        guard = self._state["session_guard"]
        watched: list[asyncio.Event] = []

        def note(changed: asyncio.Event) -> None:
            watched.append(changed)
            self._streams.add(changed)
            guard.add(self)

        try:
            yield note
        finally:
            # A stream that was rejected before it watched anything has nothing to take back.
            self._streams.difference_update(watched)
            if not self._streams:
                guard.discard(self)

    async def _find_buyer(self) -> Buyer:
        """Returns the caller as they are now; raises StreamEnded and RateLimited."""
        self.check()
        # Cached for a few seconds only, so that a revoked token is noticed by the next operation.
        buyers: Buyers = self._state["buyers"]
        credential = self.credential
        buyer = None if credential.has_ended else await buyers.find(credential.digest)
        if buyer is None or not credential.admits(buyer):
            raise StreamEnded(FORBIDDEN, "The token is not valid any more.")
        limit = self._state["rate_limits"].token
        if limit is not None:
            await limit.take(credential.digest)
        return buyer

    async def _execute(
        self,
        prepared: Prepared,
        bound: Bound | None,
        request: GraphQLRequest,
        buyer: Buyer,
    ) -> bytes:
        context = Context.from_state(
            buyer,
            self._state,
            ChangeOrigin.GRAPHQL,
            selected=prepared.document.selected,
        )
        try:
            result = await self._executor.execute(prepared, context, bound)
        except TookTooLong:
            raise RequestErrors([self._executor.timeout_error()]) from None
        cost = prepared.cost() if request.wants_cost else {}
        return orjson.dumps(result_content(result, cost))

    def _context_of_event(self, prepared: Prepared, read: LiveRead) -> Context:
        return Context.from_state(
            self._buyer,
            self._state,
            ChangeOrigin.GRAPHQL,
            selected=prepared.document.selected,
            live=read,
        )


async def open_session(
    executor: GraphQLExecutor, scope: Scope, authorization: str, transport: Transport
) -> Session | None:
    """Returns the session of a caller, None without a valid token; raises RateLimited."""
    caller = await find_caller(scope, authorization)
    return caller and Session(executor, scope["state"], caller, transport)
