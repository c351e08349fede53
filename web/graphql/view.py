"""The GraphQL view: GraphQL over HTTP, thin."""

from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.user import Buyer
from resolvers.context import Context
from resolvers.time_limit import TimeLimits, TookTooLong
from schema.execution.operation import Operation
from web.graphql.accepted_type import media_type_of
from web.graphql.document import Documents
from web.graphql.error_list import error_content
from web.graphql.graphiql import graphiql_page, wants_graphiql
from web.graphql.operation import outcome_of
from web.graphql.request import GraphQLRequest, body_of, parsed, received
from web.http.authentication import buyer_authorized, buyer_of, unauthenticated
from web.http.bad_request import BadRequest, NotAllowed
from web.http.errors import unavailable
from web.http.json_response import (
    CHARSET,
    GRAPHQL,
    JSON,
    error_document,
    error_response,
    json_response,
)
from web.monitoring.request_record import observed

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
    media_type: str


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
        has_graphiql: bool = True,
    ) -> None:
        self.has_graphiql = has_graphiql
        self.schema = schema
        self.documents = Documents(schema)
        self.time_limits = TimeLimits(seconds)
        self.is_compiled = is_compiled
        self.maximum_bytes = maximum_bytes
        self.maximum_upload_bytes = maximum_upload_bytes
        self.demo_token = demo_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request: what almost all of them look like at once, everything else with all care."""
        headers = dict(scope["headers"])
        accept = _PLAIN_ACCEPT.get(headers.get(b"accept", b"*/*"))
        if (
            accept
            and scope["method"] == "POST"
            and len(headers) == len(scope["headers"])
            and _is_plain(headers)
        ):
            await self._answer_plain(
                scope, receive, send, headers.get(b"authorization", b""), *accept
            )
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
        buyer = await buyer_authorized(scope, authorization.decode("latin-1"))
        observed().mark("auth")
        if buyer is None:
            return await unauthenticated()(scope, receive, send)
        try:
            asked = parsed(await body_of(receive, self.maximum_bytes))
            reply = await self._execute(asked, state, buyer, media_type)
        except BadRequest as rejected:
            return await _rejected(rejected)(scope, receive, send)
        if reply.media_type != media_type:
            content_type = (b"content-type", (reply.media_type + CHARSET).encode())
        body = orjson.dumps(reply.content)
        length = (b"content-length", str(len(body)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [content_type, length],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def answer(self, request: Request) -> Response:
        """Answers one request. Strangers are turned away before their body is read."""
        is_read = request.method in ("GET", "HEAD")
        if is_read and self.has_graphiql and wants_graphiql(request):
            return graphiql_page(self.demo_token)
        if request.method not in ("GET", "POST"):
            return _rejected(
                NotAllowed(f"{request.method} is not allowed here; use POST.", "GET, POST")
            )
        buyer = await buyer_of(request)
        observed().mark("auth")
        if buyer is None:
            return unauthenticated()
        try:
            media_type = media_type_of(request)
            async with received(
                request, self.maximum_bytes, self.maximum_upload_bytes
            ) as asked:
                reply = await self._execute(asked, request.state, buyer, media_type)
        except BadRequest as rejected:
            return _rejected(rejected)
        return json_response(reply.content, reply.status, reply.media_type)

    async def _execute(
        self, asked: GraphQLRequest, state: State, buyer: Buyer, media_type: str
    ) -> Reply:
        document = self.documents.find(asked.query)
        if document.errors:
            return _reject_operation(document.errors, media_type)
        operation = document.operation(asked.operation_name)
        if operation is None:
            return _reject_operation([_no_operation(asked.operation_name)], media_type)
        _check_kind(operation, asked)
        if too_costly := document.measures.rejection(asked.operation_name, asked.variables):
            return _reject_operation([too_costly], media_type)
        seen = observed()
        seen.operation = document.label(asked.operation_name)
        seen.mark("parse")
        context = Context(
            buyer, state.commerce, state.exports, state.spreadsheets, document.selected
        )
        try:
            with self.time_limits.limit():
                result = await operation.execute(
                    asked.variables, context, is_compiled=self.is_compiled
                )
        except TookTooLong:
            message = f"The operation took longer than {self.time_limits.seconds:g} seconds and was given up."
            return Reply(503, error_document("OPERATION_TIMEOUT", message), JSON)
        seen.mark("execute")
        seen.outcome = outcome_of(result.errors, context.rejections)
        extensions = (
            document.measures.extensions(asked.operation_name, asked.variables)
            if asked.wants_cost
            else {}
        )
        return _reply(result, media_type, extensions, has_changed=bool(context.accepted))


def _is_plain(headers: dict[bytes, bytes]) -> bool:
    """Tells whether a body is JSON as almost everybody sends it: said so, not compressed, below a million bytes."""
    is_json = headers.get(b"content-type") == b"application/json"
    return (
        is_json
        and b"content-encoding" not in headers
        and len(headers.get(b"content-length", b"")) < 7
    )


def _rejected(rejected: BadRequest) -> Response:
    response = error_response(rejected.status, rejected.code, rejected.message)
    response.headers.update(rejected.headers)
    return response


def _no_operation(name: str | None) -> GraphQLError:
    if name is None:
        message = "The document has several operations, or none; send `operationName`."
    else:
        message = f"The document has no operation called {name[:100]!r}."
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})


def _check_kind(operation: Operation, asked: GraphQLRequest) -> None:
    """Raises BadRequest for a subscription, and for a GET of anything but a query."""
    if operation.node.operation is OperationType.SUBSCRIPTION:
        raise BadRequest(400, "BAD_REQUEST", "A subscription is not allowed here.")
    if asked.only_queries and operation.node.operation is not OperationType.QUERY:
        raise NotAllowed("A mutation is not allowed by GET; use POST.", "POST")


def _reply(
    result: ExecutionResult,
    media_type: str,
    extensions: dict[str, Any],
    *,
    has_changed: bool,
) -> Reply:
    """Returns the answer; never 503, which clients take for a request to repeat, after a change was made."""
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        if not has_changed and (outage := unavailable(result.errors)):
            return Reply(503, outage, JSON)
        if result.data is None and not any(error.path for error in result.errors):
            return _reject_operation(result.errors, media_type)
        content |= error_content(result.errors)
    if extensions:
        content["extensions"] = {**extensions, **content.get("extensions", {})}
    return Reply(200, content, media_type)


def _reject_operation(errors: list[GraphQLError], media_type: str) -> Reply:
    """Answers what was not executed. In application/json, clients of old expect status 200 for it."""
    return Reply(400 if media_type == GRAPHQL else 200, error_content(errors), media_type)
