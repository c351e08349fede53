"""Queries that the states of baskets decide, by GET with tags, and by GET and POST from memory."""

from functools import cached_property
from typing import Any

import orjson
from graphql import ExecutionResult, OperationType
from starlette.types import Scope

from models.user import Buyer
from resolvers.context import Context
from resolvers.versioned import find_states, find_subjects, may_be_versioned
from schema.execution.operation import Bound
from web.graphql.executor import GraphQLExecutor, Prepared
from web.graphql.request import GraphQLRequest
from web.http.json_response import CONTENT_TYPES
from web.http.request import join_headers
from web.http.response_cache import ResponseKey
from web.http.versioned import Question, VersionedResponse, VersionedResponses


class VersionedQuery:
    """A query whose response may be found without executing it, and cached once it was executed."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        prepared: Prepared,
        responses: VersionedResponses,
        question: Question,
    ) -> None:
        self._executor = executor
        self._prepared = prepared
        self._responses = responses
        self._question = question

    @cached_property
    def bound(self) -> Bound | None:
        """The operation with its variables, which a response in memory does not need."""
        return self._executor.bind(self._prepared)

    async def find(self) -> VersionedResponse | None:
        """Returns the response without executing the query; raises TookTooLong."""
        with self._executor.time_limits.limit():
            return await self._responses.find(
                self._question, lambda: find_subjects(self.bound)
            )

    def make(
        self, result: ExecutionResult, context: Context, content: dict[str, Any]
    ) -> VersionedResponse | None:
        """Returns the response to a query that was executed; None when more than states decide."""
        # An error may be of this moment only.
        if result.errors:
            return None
        states = find_states(context, find_subjects(self.bound))
        if states is None:
            self._note_unversioned()
            return None
        return self._responses.make(
            self._question, list(states), list(states.values()), orjson.dumps(content)
        )

    def _note_unversioned(self) -> None:
        """Spares the next requests with this operation the look for a response in memory."""
        operation = self._prepared.operation
        plan = self.bound.plan if self.bound else None
        if not may_be_versioned(plan) and not operation.has_conditions:
            operation.is_unversioned = True


def find_versioned(
    executor: GraphQLExecutor,
    prepared: Prepared,
    request: GraphQLRequest,
    buyer: Buyer,
    scope: Scope,
    media_type: str,
) -> VersionedQuery | None:
    """Returns the versioned query of a request; None when it cannot be one."""
    operation = prepared.operation
    if operation.is_unversioned or operation.node.operation is not OperationType.QUERY:
        return None
    responses: VersionedResponses = scope["state"]["responses"]
    content_type = CONTENT_TYPES.get(media_type)
    # A closed division is an error, and the cost an extension of the response.
    is_plain = buyer.division.is_active and not request.wants_cost
    has_use = request.only_queries or responses.cache.maximum_bytes
    if not (is_plain and has_use) or content_type is None:
        return None
    try:
        variables = orjson.dumps(prepared.variables) if prepared.variables else b""
    except TypeError:
        # Numbers beyond 64 bits, which its execution rejects.
        return None
    name = (prepared.name or "").encode()
    key = ResponseKey(
        buyer.id, b"\0".join((prepared.document.digest, content_type[1], name)), variables
    )
    tags = join_headers(scope, b"if-none-match") if request.only_queries else b""
    return VersionedQuery(
        executor,
        prepared,
        responses,
        Question(key, content_type, is_get=request.only_queries, if_none_match=tags),
    )
