"""The GraphQL view: GraphQL over HTTP, thin."""

from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from models.time_limit import TimeLimits, TookTooLong
from models.user import Buyer
from resolvers.context import Context
from schema.execution import execute
from web.authentication import buyer_of, unauthenticated
from web.bad_request import BadRequest, NotAllowed
from web.document import Document, Documents
from web.error_list import error_content
from web.graphiql import graphiql_page, wants_graphiql
from web.graphql_request import GraphQLRequest, media_type_of, received
from web.json_response import GRAPHQL, error_response, json_response


class GraphQLView:
    """Answers /graphql: POST executes an operation, GET a query, and shows GraphiQL to browsers."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        maximum_bytes: int,
        maximum_upload_bytes: int,
        seconds: float,
        demo_token: str | None,
        is_compiled: bool,
    ) -> None:
        self.schema = schema
        self.documents = Documents(schema)
        self.time_limits = TimeLimits(seconds)
        self.is_compiled = is_compiled
        self.maximum_bytes = maximum_bytes
        self.maximum_upload_bytes = maximum_upload_bytes
        self.demo_token = demo_token

    async def answer(self, request: Request) -> Response:
        """Answers one request. Strangers are turned away before their body is read."""
        if request.method in ("GET", "HEAD") and wants_graphiql(request):
            return graphiql_page(self.demo_token)
        if request.method not in ("GET", "POST"):
            return _not_allowed(NotAllowed(f"{request.method} is not allowed here; use POST.", "GET, POST"))
        buyer = await buyer_of(request)
        if buyer is None:
            return unauthenticated()
        try:
            media_type = media_type_of(request)
            async with received(request, self.maximum_bytes, self.maximum_upload_bytes) as asked:
                with self.time_limits.limit():
                    return await self._execute(asked, request.state, buyer, media_type)
        except NotAllowed as refused:
            return _not_allowed(refused)
        except BadRequest as refused:
            return error_response(refused.status, refused.code, refused.message)
        except TookTooLong:
            message = f"The operation took longer than {self.time_limits.seconds:g} seconds and was given up."
            return error_response(503, "OPERATION_TIMEOUT", message)

    async def _execute(self, asked: GraphQLRequest, state: State, buyer: Buyer, media_type: str) -> Response:
        document = self.documents.find(asked.query)
        if document.nodes is None or document.errors:
            return _refused(document.errors, media_type)
        _check_operation(document, asked)
        if too_costly := document.measures.refusal(asked.operation_name, asked.variables):
            return _refused([too_costly], media_type)
        result = await execute(
            self.schema,
            document.nodes,
            document.selections if self.is_compiled else None,
            variables=asked.variables,
            operation_name=asked.operation_name,
            context=Context(buyer, state.commerce, state.exports, document.selected),
        )
        extensions = document.measures.extensions(asked.operation_name, asked.variables) if asked.wants_cost else {}
        return _response(result, media_type, extensions)


def _not_allowed(refused: "NotAllowed") -> Response:
    response = error_response(refused.status, refused.code, refused.message)
    response.headers["Allow"] = refused.allowed
    return response


def _check_operation(document: Document, asked: GraphQLRequest) -> None:
    """Raises BadRequest when it is not clear which operation is meant, or when it is none for this door."""
    operation = document.operation(asked.operation_name)
    if operation is None:
        name = repr(asked.operation_name)[:100]
        message = f"The document has no single operation called {name}; send `operationName`."
        raise BadRequest(400, "BAD_REQUEST", message)
    if operation.operation is OperationType.SUBSCRIPTION:
        raise BadRequest(400, "BAD_REQUEST", "A subscription is not allowed here.")
    if asked.only_queries and operation.operation is not OperationType.QUERY:
        raise NotAllowed("A mutation is not allowed by GET; use POST.", "POST")


def _response(result: ExecutionResult, media_type: str, extensions: dict[str, Any]) -> Response:
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        if result.data is None and not any(error.path for error in result.errors):
            return _refused(result.errors, media_type)
        content |= error_content(result.errors)
    if extensions:
        content["extensions"] = {**extensions, **content.get("extensions", {})}
    return json_response(content, media_type=media_type)


def _refused(errors: list[GraphQLError], media_type: str) -> Response:
    """Answers what was not executed. In application/json, clients of old expect status 200 for it."""
    return json_response(error_content(errors), 400 if media_type == GRAPHQL else 200, media_type)
