"""Plans: for each root field of an operation, what calls its resolver and what answers its value.

A plan is made once per operation and combination of its conditions. Its queries run
together, its mutations one after the other. It raises as soon as anything is unusual, and
leaves what resolvers have returned in the outcomes, from which graphql-core goes on.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable

from schema.execution.selection import Answer

Outcomes = dict[tuple[str | int, ...], Any]
"""By response path: the value of a resolver, the error it raised, or the task it still runs in."""


class Request(NamedTuple):
    """The difference between two executions of a plan."""

    values: VariableValues
    context: object
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A root field; `queries` are the plans below a payload's fields of type Query, by key.

    `read` makes its arguments of the variables, and `selected` are the fields below it, as
    `Type.field`.
    """

    name: str
    key: str
    path: tuple[str | int, ...]
    read: Callable[[VariableValues], dict[str, Any]]
    call: Callable[[Any, Request], Any]
    answer: Answer
    queries: Sequence[tuple[str, "Plan"]]
    selected: frozenset[str]

    async def resolve(self, source: Any, request: Request) -> Any:
        """Returns the value of the resolver, and notes it or its error."""
        try:
            value = self.call(source, request)
            if is_awaitable(value):
                value = await value
        except Exception as error:
            request.outcomes[self.path] = error
            raise
        request.outcomes[self.path] = value
        return value

    def start(self, source: Any, request: Request) -> Any:
        """Returns the value of the resolver or the task it runs in, and notes that or its error."""
        try:
            value = self.call(source, request)
        except Exception as error:
            request.outcomes[self.path] = error
            raise
        if is_awaitable(value):
            value = asyncio.ensure_future(value)
        request.outcomes[self.path] = value
        return value

    async def complete(self, value: Any, request: Request) -> Any:
        """Answers a value; raises when it is not as the type expects."""
        answer = self.answer(value, request.values)
        for key, plan in self.queries:
            answer[key] = await plan.execute(answer[key], request)
        return answer


@dataclass(frozen=True, slots=True)
class Plan:
    """The root fields of an operation, or those below a payload's `query`."""

    fields: Sequence[PlannedField]
    is_serial: bool

    async def execute(self, source: Any, request: Request) -> dict[str, Any]:
        """Returns the data; raises when graphql-core is to go on from the outcomes."""
        # A single query needs no task of its own either.
        if self.is_serial or len(self.fields) == 1:
            data = {}
            for field in self.fields:
                value = await field.resolve(source, request)
                data[field.key] = await field.complete(value, request)
            return data
        # The outcomes stay tasks, finished or not: from them graphql-core learns which value
        # comes at once and which later, on which the order of errors depends.
        values = [field.start(source, request) for field in self.fields]
        await _wait([value for value in values if isinstance(value, asyncio.Future)])
        return {
            field.key: await field.complete(
                value.result() if isinstance(value, asyncio.Future) else value, request
            )
            for field, value in zip(self.fields, values, strict=True)
        }


async def _wait(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Waits until all tasks have ended or one has failed."""
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        # A wait that is cancelled leaves the tasks running.
        await settle(tasks)
        raise


async def settle(outcomes: Iterable[Any]) -> None:
    """Cancels the tasks among outcomes that are still running, and waits for their end."""
    tasks = [outcome for outcome in outcomes if isinstance(outcome, asyncio.Future)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
