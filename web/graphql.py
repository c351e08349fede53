"""The GraphQL view: GraphQL over HTTP, thin."""

import logging

from graphql import GraphQLSyntaxError, get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from strawberry import Schema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.context import Context
from web.authentication import buyer_of, unauthenticated
from web.bad_request import BadRequest
from web.document import document_of
from web.errors import formatted
from web.graphiql import graphiql_page, wants_graphiql
from web.graphql_request import GraphQLRequest, media_type_of, received
from web.json_response import GRAPHQL, error_response, json_response

logger = logging.getLogger("basket")


class GraphQLView:
    """Answers /graphql: POST executes an operation, GET shows GraphiQL to browsers."""

    def __init__(
        self, schema: Schema, *, maximum_bytes: int, maximum_upload_bytes: int, demo_token: str | None
    ) -> None:
        self.schema = schema
        self.maximum_bytes = maximum_bytes
        self.maximum_upload_bytes = maximum_upload_bytes
        self.demo_token = demo_token

    async def answer(self, request: Request) -> Response:
        """Answers one request. Strangers are turned away before their body is read."""
        if request.method in ("GET", "HEAD") and wants_graphiql(request):
            return graphiql_page(self.demo_token)
        if request.method != "POST":
            response = error_response(405, "METHOD_NOT_ALLOWED", f"{request.method} is not allowed here; use POST.")
            response.headers["Allow"] = "POST"
            return response
        buyer = await buyer_of(request)
        if buyer is None:
            return unauthenticated()
        try:
            media_type = media_type_of(request)
            async with received(request, self.maximum_bytes, self.maximum_upload_bytes) as asked:
                context = Context(buyer, request.state.commerce, request.state.exports)
                return await self._execute(asked, context, media_type)
        except BadRequest as refused:
            return error_response(refused.status, refused.code, refused.message)

    async def _execute(self, asked: GraphQLRequest, context: Context, media_type: str) -> Response:
        if not _names_an_operation(asked):
            message = f"The document has no single operation called {asked.operation_name!r}; send `operationName`."
            return error_response(400, "BAD_REQUEST", message, media_type)
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
        return _response(result, media_type)


def _names_an_operation(asked: GraphQLRequest) -> bool:
    """Tells whether one operation is meant: without a name, Strawberry runs the first of several."""
    try:
        return get_operation_ast(document_of(asked.query), asked.operation_name) is not None
    except GraphQLSyntaxError:
        # The execution answers with the syntax error, which says more.
        return True


def _response(result: ExecutionResult, media_type: str) -> Response:
    if not result.errors:
        return json_response({"data": result.data}, media_type=media_type)
    errors = [formatted(error) for error in result.errors]
    was_executed = result.data is not None or any(error.path for error in result.errors)
    if was_executed:
        return json_response({"data": result.data, "errors": errors}, media_type=media_type)
    # In application/json, clients of old expect status 200 for every well-formed request.
    return json_response({"errors": errors}, 400 if media_type == GRAPHQL else 200, media_type)
