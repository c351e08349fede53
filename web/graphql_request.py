"""Reading a GraphQL request from an HTTP one."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from web.json_response import GRAPHQL, JSON


class BadRequest(Exception):
    """Raised when a request is not one of GraphQL over HTTP; carries the status and a message for a person."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A document, its variables, and which of its operations is meant."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def media_type_of(request: Request) -> str:
    """Chooses the media type of the answer; raises BadRequest (406) when none of ours is accepted."""
    accepted = [part.split(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    if GRAPHQL in accepted:
        return GRAPHQL
    if not {JSON, "application/*", "*/*", ""}.isdisjoint(accepted):
        return JSON
    raise BadRequest(406, "NOT_ACCEPTABLE", f"Accept {GRAPHQL} or {JSON}.")


async def graphql_request(request: Request, maximum_bytes: int) -> GraphQLRequest:
    """Reads the body; raises BadRequest when it is too large, no JSON, or not a GraphQL request."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != JSON:
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", f"The content type is {content_type[:100]!r}; send {JSON}.")
    try:
        content = orjson.loads(await _body(request, maximum_bytes))
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, "BAD_REQUEST", f"The body is not JSON: {error}.") from None
    return _request_of(content)


async def _body(request: Request, maximum_bytes: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > maximum_bytes:
                raise BadRequest(413, "BODY_TOO_LARGE", f"The body is larger than {maximum_bytes} bytes.")
    except ClientDisconnect:
        raise BadRequest(400, "BAD_REQUEST", "The body ended before it was complete.") from None
    return bytes(body)


def _request_of(content: Any) -> GraphQLRequest:
    if not isinstance(content, dict):
        raise BadRequest(400, "BAD_REQUEST", "The body is not a JSON object.")
    query = content.get("query")
    if not isinstance(query, str) or not query:
        raise BadRequest(400, "BAD_REQUEST", "The body has no `query` text.")
    for name, kind in (("variables", dict), ("operationName", str), ("extensions", dict)):
        if content.get(name) is not None and not isinstance(content[name], kind):
            expected = "an object" if kind is dict else "a text"
            raise BadRequest(400, "BAD_REQUEST", f"`{name}` is not {expected}.")
    return GraphQLRequest(query, content.get("variables"), content.get("operationName") or None)
