"""The GraphQL view: GraphQL over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models.history.tables import ChangeOrigin
from request_record import current_record
from resolvers.context import Context
from resolvers.time_limit import TookTooLong
from schema.execution.operation import Operation
from web.graphql.errors import error_content, find_erased, find_outage, result_content
from web.graphql.executor import TIMEOUT_CODE, GraphQLExecutor, Prepared, RequestErrors
from web.graphql.graphiql import GraphiqlPage
from web.graphql.media_type import (
    EVENT_STREAM,
    MediaTypes,
    accepts_html,
    negotiate_media_types,
)
from web.graphql.request import GraphQLRequest, RequestRules, read_request
from web.graphql.versioned_query import find_versioned
from web.http.authentication import Caller, find_caller, unauthenticated
from web.http.bad_request import BadRequest, NotAllowed
from web.http.compression import Compression
from web.http.content_coding import VARY, choose_coding
from web.http.cycle import send_whole
from web.http.json_response import (
    CONTENT_TYPES,
    GRAPHQL,
    JSON,
    error_document,
    error_response,
    json_response,
)
from web.http.private import CACHE_CONTROL, VARY_OF_USER, make_private
from web.http.request import HttpRequest

OF_STATUS = ""
"""The outcome of a request whose status tells it, as where no operation was executed."""


class Reply:
    """A response of JSON; Starlette's takes longer to make."""

    __slots__ = ("content", "is_compressed", "is_private", "media_type", "status")

    def __init__(self, status: int, content: dict[str, Any], media_type: str) -> None:
        self.status = status
        self.content = content
        self.is_compressed = False
        self.is_private = False
        self.media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response, compressed by itself: the middleware takes longer."""
        body = orjson.dumps(self.content)
        headers = [CONTENT_TYPES[self.media_type]]
        if self.is_private:
            headers += [VARY_OF_USER, CACHE_CONTROL]
        elif self.is_compressed:
            headers.append(VARY)
        if self.is_compressed:
            coding, smallest = choose_coding(scope)
            if coding and len(body) > smallest:
                body = await coding.encode(body)
                headers.append((b"content-encoding", coding.name))
        headers.append((b"content-length", str(len(body)).encode()))
        await send_whole(send, self.status, headers, body)


Execute = Callable[[GraphQLRequest, Caller, Scope, MediaTypes], Awaitable[ASGIApp]]
"""Executes a request of a caller, which came with a scope; answers in one of the media types."""


class Streams(Protocol):
    """Makes the responses that are streams of results."""

    def one(self, content: bytes) -> ASGIApp:
        """Returns the stream of one result."""

    async def watch(
        self,
        scope: Scope,
        caller: Caller,
        prepared: Prepared,
        media_type: str,
        *,
        wants_cost: bool,
    ) -> ASGIApp:
        """Returns the stream of a subscription's events; raises RequestErrors."""


class GraphQLView:
    """Answers /graphql: POST executes an operation, GET a query, and browsers get GraphiQL."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        *,
        streams: Streams,
        rules: RequestRules,
        page: GraphiqlPage | None,
        is_compressed: bool,
    ) -> None:
        self._executor = executor
        self._streams = streams
        self._rules = rules
        self._page = page
        self._is_compressed = is_compressed
        self._execute_request: Execute = executor.instrument(self._execute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            response = await self._respond(HttpRequest(scope, receive))
        except BadRequest as rejection:
            response = _reject(rejection)
        if scope["method"] in ("GET", "HEAD"):
            _make_private(response)
        if self._is_compressed:
            response = _allow_compression(response)
        await response(scope, receive, send)

    async def _respond(self, http: HttpRequest) -> ASGIApp:
        """Returns the response. Strangers are turned away before their body is read."""
        method = http.method
        if method != "POST":
            if self._page and method in ("GET", "HEAD") and accepts_html(http):
                return self._page.respond()
            if method != "GET":
                message = f"{method} is not allowed here; use POST."
                raise NotAllowed(message, "GET, POST")
        caller = await find_caller(
            http.scope, http.headers.get(b"authorization", b"").decode("latin-1")
        )
        current_record().mark("auth")
        if caller is None:
            return unauthenticated()
        media_types = negotiate_media_types(http)
        request = await read_request(http, self._rules)
        # An uploaded file is open until the operation has read it.
        try:
            return await self._execute_request(request, caller, http.scope, media_types)
        finally:
            request.close()

    async def _execute(
        self,
        request: GraphQLRequest,
        caller: Caller,
        scope: Scope,
        media_types: MediaTypes,
    ) -> ASGIApp:
        record = current_record()
        try:
            prepared = await self._executor.prepare(request)
            _check_kind(prepared.operation, request)
            record.mark("parse")
            if prepared.operation.is_subscription:
                return await self._streams.watch(
                    scope,
                    caller,
                    prepared,
                    media_types.for_stream(),
                    wants_cost=request.wants_cost,
                )
        except RequestErrors as rejected:
            return self._reject(rejected, media_types)
        return await self._answer(
            request, prepared, caller, scope, media_types.for_single()
        )

    async def _answer(
        self,
        request: GraphQLRequest,
        prepared: Prepared,
        caller: Caller,
        scope: Scope,
        media_type: str,
    ) -> ASGIApp:
        """Returns the response to a query or mutation: from memory, or by executing it."""
        record, buyer = current_record(), caller.buyer
        versioned = find_versioned(
            self._executor, prepared, request, buyer, scope, media_type
        )
        try:
            if versioned and (response := await versioned.find()):
                record.mark("check")
                record.outcome = "ok"
                return response
            selected = prepared.document.selected
            context = Context.from_state(
                buyer, scope["state"], ChangeOrigin.GRAPHQL, selected=selected
            )
            bound = versioned.bound if versioned else None
            result = await self._executor.execute(prepared, context, bound)
        except TookTooLong:
            return self._timed_out()
        record.mark("execute")
        # Let in from the cache of tokens, and erased since.
        if result.errors and find_erased(result.errors):
            record.outcome = OF_STATUS
            return unauthenticated()
        extensions = prepared.cost() if request.wants_cost else {}
        reply = _reply(result, media_type, extensions, has_changed=bool(context.accepted))
        if versioned and (response := versioned.make(result, context, reply.content)):
            return response
        if media_type == EVENT_STREAM and reply.status == 200:
            return self._streams.one(orjson.dumps(reply.content))
        return reply

    def _reject(self, rejected: RequestErrors, media_types: MediaTypes) -> ASGIApp:
        """Returns the response to an operation that was not executed, or a stream not begun."""
        errors = rejected.errors
        if outage := find_outage(errors):
            return Reply(503, outage, JSON)
        if any((error.extensions or {}).get("code") == TIMEOUT_CODE for error in errors):
            return self._timed_out()
        # Its status may be 200.
        current_record().outcome = "error"
        if media_types.single == EVENT_STREAM:
            # Clients of events alone repeat a request with another response, again and again.
            return self._streams.one(orjson.dumps(error_content(errors)))
        if rejected.status is not None:
            return _uncached(rejected.status, errors)
        return _request_error(errors, media_types.single or GRAPHQL)

    def _timed_out(self) -> Reply:
        message = self._executor.timeout_error().message
        # A client may repeat this: the limit is lifted when a change begins to commit.
        return Reply(503, error_document(TIMEOUT_CODE, message), JSON)


def _make_private(response: ASGIApp) -> None:
    """Lets nobody else get a response to GET or HEAD from a cache; a stream is in no cache."""
    if isinstance(response, Reply):
        response.is_private = True
    elif isinstance(response, Response):
        make_private(response)


def _allow_compression(response: ASGIApp) -> ASGIApp:
    """Returns a response that may be compressed; a stream stays as it is."""
    if isinstance(response, Reply):
        response.is_compressed = True
        return response
    return Compression(response) if isinstance(response, Response) else response


def _reject(rejection: BadRequest) -> Response:
    response = error_response(rejection.status, rejection.code, rejection.message)
    response.headers.update(rejection.headers)
    return response


def _uncached(status: int, errors: list[GraphQLError]) -> Response:
    """Returns the response to a persisted query that was not executed, as Apollo's server does.

    Some clients read only JSON with this status, whatever they accept. No cache may keep it: the
    same request is accepted once its text was sent.
    """
    response = json_response(error_content(errors), status)
    response.headers["Cache-Control"] = "private, no-cache, must-revalidate"
    return response


def _check_kind(operation: Operation, request: GraphQLRequest) -> None:
    """Raises BadRequest for a GET of a mutation."""
    if request.only_queries and operation.node.operation is OperationType.MUTATION:
        raise NotAllowed("A mutation is not allowed by GET; use POST.", "POST")


def _reply(
    result: ExecutionResult,
    media_type: str,
    extensions: dict[str, Any],
    *,
    has_changed: bool,
) -> Reply:
    """Returns the response; never 503, upon which clients repeat a request, after a change."""
    if result.errors:
        # After a committed change, 503 would make clients change again.
        if not has_changed and (outage := find_outage(result.errors)):
            current_record().outcome = OF_STATUS
            return Reply(503, outage, JSON)
        if result.data is None and not any(error.path for error in result.errors):
            return _request_error(result.errors, media_type)
    return Reply(200, result_content(result, extensions), media_type)


def _request_error(errors: list[GraphQLError], media_type: str) -> Reply:
    """Returns the response to a request that was not executed; older clients expect status 200."""
    # By GraphQL over HTTP, 400 is for its own media type, as proxies answer application/json, too.
    status = 400 if media_type == GRAPHQL else 200
    return Reply(status, error_content(errors), media_type)
