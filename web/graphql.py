"""The GraphQL view: GraphQL over HTTP, thin."""

from graphql import ExecutionResult, GraphQLSchema, OperationType
from starlette.requests import Request
from starlette.responses import Response

from models.user import Buyer
from resolvers.context import Context
from schema.execution import execute
from web.authentication import buyer_of, unauthenticated
from web.bad_request import BadRequest
from web.document import Document, document_of
from web.errors import formatted, unavailable
from web.graphiql import graphiql_page, wants_graphiql
from web.graphql_request import GraphQLRequest, media_type_of, received
from web.json_response import GRAPHQL, error_response, json_response
from web.observation import observed
from web.operation import outcome_of


class GraphQLView:
    """Answers /graphql: POST executes an operation, GET shows GraphiQL to browsers."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        maximum_bytes: int,
        maximum_upload_bytes: int,
        demo_token: str | None,
        is_compiled: bool,
    ) -> None:
        self.schema = schema
        self.is_compiled = is_compiled
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
        observed(request).mark("auth")
        if buyer is None:
            return unauthenticated()
        try:
            media_type = media_type_of(request)
            async with received(request, self.maximum_bytes, self.maximum_upload_bytes) as asked:
                return await self._execute(asked, request, buyer, media_type)
        except BadRequest as refused:
            return error_response(refused.status, refused.code, refused.message)

    async def _execute(self, asked: GraphQLRequest, request: Request, buyer: Buyer, media_type: str) -> Response:
        seen, state = observed(request), request.state
        document = document_of(self.schema, asked.query)
        if document.nodes is None or document.errors:
            return _response(ExecutionResult(None, document.errors), media_type)
        if refusal := _refusal(document, asked.operation_name):
            return error_response(400, "BAD_REQUEST", refusal, media_type)
        seen.operation = document.label(asked.operation_name)
        seen.mark("parse")
        context = Context(buyer, state.commerce, state.exports, document.selected)
        result = await execute(
            self.schema,
            document.nodes,
            document.selections if self.is_compiled else None,
            variables=asked.variables,
            operation_name=asked.operation_name,
            context=context,
        )
        seen.mark("execute")
        seen.outcome = outcome_of(result.errors, context.refusals)
        return _response(result, media_type)


def _refusal(document: Document, operation_name: str | None) -> str | None:
    """Says why the operation that is meant cannot be executed here; None when it can."""
    operation = document.operation(operation_name)
    if operation is None:
        return f"The document has no single operation called {operation_name!r}; send `operationName`."
    if operation.operation is OperationType.SUBSCRIPTION:
        return "A subscription is not allowed here."
    return None


def _response(result: ExecutionResult, media_type: str) -> Response:
    if not result.errors:
        return json_response({"data": result.data}, media_type=media_type)
    if response := unavailable(result.errors, media_type):
        return response
    errors = [formatted(error) for error in result.errors]
    was_executed = result.data is not None or any(error.path for error in result.errors)
    if was_executed:
        return json_response({"data": result.data, "errors": errors}, media_type=media_type)
    # In application/json, clients of old expect status 200 for every well-formed request.
    return json_response({"errors": errors}, 400 if media_type == GRAPHQL else 200, media_type)
