"""One subscription: its events as JSON, each an answer to the operation at a later state."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult

from models.live.hub import Hub
from models.live.topic import UNKNOWN, Topic, TopicKey
from request_record import begin_record
from resolvers.context import Context
from resolvers.live_read import LiveRead
from resolvers.time_limit import TookTooLong
from schema.execution.operation import Bound
from web.graphql.errors import find_outage, result_content
from web.graphql.executor import GraphQLExecutor, Prepared, RequestErrors

MakeContext = Callable[[Prepared, LiveRead], Context]
"""Makes the context of one execution for the caller of a session."""

SHARED_SECONDS = 1.0
"""Seconds for which an answer is shared; readers that are slower read again."""
_order = count(1)
"""Numbers readings in the order in which they begin: one that began later saw no older state."""


class Answer(NamedTuple):
    """One reading, and its result as JSON."""

    content: bytes
    result: ExecutionResult
    read: LiveRead
    is_late: bool


class Shared(NamedTuple):
    """An answer, ready or on its way, for all watchers of a topic with the same selection."""

    order: int
    task: "asyncio.Task[Answer]"


@dataclass(slots=True)
class Place:
    """Where a stream stands: its topic, and the state that its last event told."""

    topic: Topic | None = None
    changed: asyncio.Event | None = None
    order: int = 0
    state: str | None = None
    version: int | None = None


class EventStream:
    """The events of one subscription of a caller.

    Between two events it holds no data and no task; a slow reader misses states, but never the
    newest one. The first event is read with `bound`, if there is one. `observe_lag` gets the
    seconds from the notice of each change to its event.
    """

    def __init__(
        self,
        executor: GraphQLExecutor,
        hub: Hub,
        prepared: Prepared,
        bound: Bound | None,
        make_context: MakeContext,
        observe_lag: Callable[[float], None],
        *,
        wants_cost: bool,
    ) -> None:
        self._executor = executor
        self._hub = hub
        self._prepared = prepared
        self._bound = bound
        self._make_context = make_context
        self._observe_lag = observe_lag
        self._cost = prepared.cost() if wants_cost else {}
        self._place = Place()

    async def events(
        self, on_watch: Callable[[asyncio.Event], None], check: Callable[[], None]
    ) -> AsyncGenerator[bytes]:
        """Yields the first event, then one after every change; ends with its topic.

        `on_watch` gets the event that wakes the stream, and `check` may then raise to end it.
        Raises RequestErrors when the subscription is rejected.
        """
        with ExitStack() as stack:
            place = self._place

            def follow(key: TopicKey) -> bool:
                is_new = place.topic is None
                if is_new:
                    place.topic, place.changed = stack.enter_context(self._hub.watch(key))
                    on_watch(place.changed)
                return is_new

            answer = await self._read_first(follow)
            topic, changed, errors = place.topic, place.changed, answer.result.errors
            if topic is None or changed is None or (errors and answer.read.state is None):
                raise RequestErrors(errors or [])
            topic.note_first(answer.read.state)
            is_over = answer.read.is_over
            yield answer.content
            # The next event may be hours away.
            del answer
            while not is_over:
                await changed.wait()
                # Cleared before reading, so that a change during it wakes the stream again.
                changed.clear()
                check()
                if next_answer := await self._read_next(topic):
                    is_over = next_answer.read.is_over
                    if next_answer.result.data is None and is_over:
                        return
                    self._observe_lag(time_of_loop() - topic.moved_at)
                    yield next_answer.content
                del next_answer

    async def _read_first(self, follow: Callable[[TopicKey], bool]) -> Answer:
        self._place.order = next(_order)
        # The next event may be hours away, and binds the variables again.
        bound, self._bound = self._bound, None
        answer = await asyncio.create_task(self._answer(None, follow, bound))
        self._note(answer)
        return answer

    async def _read_next(self, topic: Topic) -> Answer | None:
        """Returns the answer at the newest state; None when there is nothing to tell."""
        shared = self._share(topic)
        answer = await asyncio.shield(shared.task)
        self._place.order = shared.order
        read, errors = answer.read, answer.result.errors
        if errors and read.state is None and not read.is_over:
            # The next check that succeeds wakes this stream again in any case.
            topic.state = UNKNOWN
            if find_outage(errors) or answer.is_late:
                return None
        if read.state == self._place.state and not read.is_over:
            return None
        self._note(answer)
        return answer

    def _note(self, answer: Answer) -> None:
        self._place.state, self._place.version = answer.read.state, answer.read.version

    def _share(self, topic: Topic) -> Shared:
        """Returns the answer that began after this stream's last one, for all that need it."""
        variables = orjson.dumps(self._prepared.variables, option=orjson.OPT_SORT_KEYS)
        key = (self._prepared.operation, variables, self._place.version, bool(self._cost))
        # A move of the topic empties its answers, so that one found here is of the state now.
        shared: Shared | None = topic.answers.get(key)
        if shared is None or shared.order <= self._place.order:
            # A task of its own, so that a watcher that leaves takes nothing from the others.
            task = asyncio.create_task(self._answer(self._place.version, _stay, None))
            shared = topic.answers[key] = Shared(next(_order), task)
            loop = asyncio.get_running_loop()
            loop.call_later(SHARED_SECONDS, _evict, topic.answers, key, shared)
        return shared

    async def _answer(
        self,
        since: int | None,
        follow: Callable[[TopicKey], bool],
        bound: Bound | None,
    ) -> Answer:
        begin_record("")
        read, is_late = LiveRead(since, follow), False
        context = self._make_context(self._prepared, read)
        try:
            result = await self._executor.execute(self._prepared, context, bound)
        except TookTooLong:
            result, is_late = ExecutionResult(None, [self._executor.timeout_error()]), True
        content = orjson.dumps(result_content(result, self._cost))
        return Answer(content, result, read, is_late)


def time_of_loop() -> float:
    """Returns the time of the event loop, in seconds."""
    return asyncio.get_running_loop().time()


def _evict(answers: dict[Hashable, Any], key: Hashable, shared: Shared) -> None:
    """Deletes an answer, unless another one took its place."""
    if answers.get(key) is shared:
        del answers[key]


def _stay(key: TopicKey) -> bool:
    """Follows nothing further: the stream watches already."""
    return False
