"""The GraphQL view: GraphQL over HTTP, thin."""

from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, GraphQLSchema, OperationType
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.user import Buyer
from resolvers.context import Context
from schema.execution import Operation
from web.authentication import buyer_authorized, buyer_of, unauthenticated
from web.bad_request import BadRequest
from web.document import Document, document_of
from web.errors import formatted
from web.graphiql import graphiql_page, wants_graphiql
from web.graphql_request import GraphQLRequest, body_of, media_type_of, parsed, received
from web.json_response import CHARSET, GRAPHQL, JSON, error_response, json_response

_PLAIN_ACCEPT = {
    header: (media_type, (b"content-type", (media_type + CHARSET).encode()))
    for header, media_type in {
        b"*/*": JSON,
        JSON.encode(): JSON,
        f"{JSON}, */*".encode(): JSON,
        f"{JSON}, text/plain, */*".encode(): JSON,
        GRAPHQL.encode(): GRAPHQL,
        f"{GRAPHQL}, {JSON}".encode(): GRAPHQL,
        f"{GRAPHQL},{JSON};q=0.9".encode(): GRAPHQL,
    }.items()
}
"""What most clients accept: the media type they get, and its header."""


class Reply(NamedTuple):
    """An answer before it is encoded."""

    status: int
    content: dict[str, Any]


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request: what almost all of them look like at once, everything else with all care."""
        headers = dict(scope["headers"])
        accept = _PLAIN_ACCEPT.get(headers.get(b"accept", b"*/*"))
        if accept and scope["method"] == "POST" and headers.get(b"content-type") == b"application/json":
            await self._answer_plain(scope, receive, send, headers.get(b"authorization", b""), *accept)
        else:
            response = await self.answer(Request(scope, receive))
            await response(scope, receive, send)

    async def _answer_plain(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        authorization: bytes,
        media_type: str,
        content_type: tuple[bytes, bytes],
    ) -> None:
        # The same steps as in `answer`, without Starlette's request and response, which take as long as a small query.
        state = State(scope["state"])
        buyer = await buyer_authorized(state.buyers, authorization.decode("latin-1"))
        if buyer is None:
            return await unauthenticated()(scope, receive, send)
        try:
            asked = parsed(await body_of(receive, self.maximum_bytes))
            reply = await self._execute(asked, state, buyer, media_type)
        except BadRequest as refused:
            return await error_response(refused.status, refused.code, refused.message)(scope, receive, send)
        body = orjson.dumps(reply.content)
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": reply.status, "headers": [content_type, length]})
        await send({"type": "http.response.body", "body": body})

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
                reply = await self._execute(asked, request.state, buyer, media_type)
        except BadRequest as refused:
            return error_response(refused.status, refused.code, refused.message)
        return json_response(reply.content, reply.status, media_type)

    async def _execute(self, asked: GraphQLRequest, state: State, buyer: Buyer, media_type: str) -> Reply:
        document = document_of(self.schema, asked.query)
        if document.errors:
            return _reply(ExecutionResult(None, document.errors), media_type)
        operation = _operation(document, asked.operation_name)
        context = Context(buyer, state.commerce, state.exports, document.selected)
        result = await operation.execute(asked.variables, context, is_compiled=self.is_compiled)
        return _reply(result, media_type)


def _operation(document: Document, name: str | None) -> Operation:
    """Returns the operation that is meant; raises BadRequest when that is not clear, or it is none for this door."""
    operation = document.operation(name)
    if operation is None:
        message = f"The document has no single operation called {name!r}; send `operationName`."
        raise BadRequest(400, "BAD_REQUEST", message)
    if operation.node.operation is OperationType.SUBSCRIPTION:
        raise BadRequest(400, "BAD_REQUEST", "A subscription is not allowed here.")
    return operation


def _reply(result: ExecutionResult, media_type: str) -> Reply:
    if not result.errors:
        return Reply(200, {"data": result.data})
    errors = [formatted(error) for error in result.errors]
    was_executed = result.data is not None or any(error.path for error in result.errors)
    if was_executed:
        return Reply(200, {"data": result.data, "errors": errors})
    # In application/json, clients of old expect status 200 for every well-formed request.
    return Reply(400 if media_type == GRAPHQL else 200, {"errors": errors})
