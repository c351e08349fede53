"""The GraphQL view: GraphQL over HTTP, thin."""

import logging
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, get_operation_ast
from graphql import OperationType as Kind
from starlette.requests import Request
from starlette.responses import Response
from strawberry import Schema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from models.time_limit import TimeLimits, TookTooLong
from resolvers.context import Context
from web.authentication import buyer_of, unauthenticated
from web.bad_request import BadRequest
from web.document import document_of, measures_of
from web.error_list import error_content
from web.graphiql import graphiql_page, wants_graphiql
from web.graphql_request import GraphQLRequest, media_type_of, received
from web.json_response import GRAPHQL, error_response, json_response

logger = logging.getLogger("basket")


class GraphQLView:
    """Answers /graphql: POST executes an operation, GET a query, and shows GraphiQL to browsers."""

    def __init__(
        self, schema: Schema, *, maximum_bytes: int, maximum_upload_bytes: int, seconds: float, demo_token: str | None
    ) -> None:
        self.schema = schema
        self.time_limits = TimeLimits(seconds)
        self.maximum_bytes = maximum_bytes
        self.maximum_upload_bytes = maximum_upload_bytes
        self.demo_token = demo_token

    async def answer(self, request: Request) -> Response:
        """Answers one request. Strangers are turned away before their body is read."""
        if request.method in ("GET", "HEAD") and wants_graphiql(request):
            return graphiql_page(self.demo_token)
        if request.method not in ("GET", "POST"):
            return _not_allowed(f"{request.method} is not allowed here; use POST.", "GET, POST")
        buyer = await buyer_of(request)
        if buyer is None:
            return unauthenticated()
        try:
            media_type = media_type_of(request)
            async with received(request, self.maximum_bytes, self.maximum_upload_bytes) as asked:
                context = Context(buyer, request.state.commerce, request.state.exports)
                with self.time_limits.limit():
                    return await self._execute(asked, context, media_type)
        except BadRequest as refused:
            return error_response(refused.status, refused.code, refused.message)
        except TookTooLong:
            message = f"The operation took longer than {self.time_limits.seconds:g} seconds and was given up."
            return error_response(503, "OPERATION_TIMEOUT", message)

    async def _execute(self, asked: GraphQLRequest, context: Context, media_type: str) -> Response:
        try:
            operation = _operation(asked)
        except GraphQLError as error:
            return _refused([error], media_type)
        if operation is None:
            message = f"The document has no single operation called {asked.operation_name!r}; send `operationName`."
            return error_response(400, "BAD_REQUEST", message[:300], media_type)
        if asked.only_queries and operation.operation is not Kind.QUERY:
            return _not_allowed(f"A {operation.operation.value} is not allowed by GET; use POST.", "POST")
        measures = measures_of(self.schema._schema, asked.query)
        too_costly = measures.refusal(asked.operation_name, asked.variables)
        if too_costly is not None:
            return _refused([too_costly], media_type)
        try:
            result = await self.schema.execute(
                asked.query,
                asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
            )
        except InvalidOperationTypeError as error:
            return error_response(
                400, "BAD_REQUEST", f"A {error.operation_type.value} is not allowed here.", media_type
            )
        extensions = measures.extensions(asked.operation_name, asked.variables) if asked.wants_cost else None
        return _response(result, media_type, extensions)


def _not_allowed(message: str, allowed: str) -> Response:
    response = error_response(405, "METHOD_NOT_ALLOWED", message)
    response.headers["Allow"] = allowed
    return response


def _operation(asked: GraphQLRequest) -> OperationDefinitionNode | None:
    """Returns the one operation that is meant: without a name, Strawberry runs the first of several."""
    return get_operation_ast(document_of(asked.query), asked.operation_name)


def _response(result: ExecutionResult, media_type: str, extensions: dict[str, Any] | None) -> Response:
    if not result.errors:
        if extensions is None:
            return json_response({"data": result.data}, media_type=media_type)
        return json_response({"data": result.data, "extensions": extensions}, media_type=media_type)
    was_executed = result.data is not None or any(error.path for error in result.errors)
    if was_executed:
        content = error_content(result.errors)
        if extensions:
            content["extensions"] = {**extensions, **content.get("extensions", {})}
        return json_response({"data": result.data} | content, media_type=media_type)
    return _refused(result.errors, media_type)


def _refused(errors: list[GraphQLError], media_type: str) -> Response:
    """Answers a request that was not executed. In application/json, clients of old expect status 200 for that."""
    return json_response(error_content(errors), 400 if media_type == GRAPHQL else 200, media_type)
