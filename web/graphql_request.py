"""Reading a GraphQL request from an HTTP one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Receive

from web.bad_request import BadRequest
from web.json_response import GRAPHQL, JSON
from web.multipart import MULTIPART, check_preflight, closing_files, content_of, multipart_form


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


@asynccontextmanager
async def received(request: Request, maximum_bytes: int, maximum_upload_bytes: int) -> AsyncIterator[GraphQLRequest]:
    """Reads the body, and keeps its files until the request is answered.

    Raises BadRequest when it is too large, neither JSON nor multipart, or not a GraphQL request.
    """
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type == JSON:
        yield parsed(await body_of(request.receive, maximum_bytes))
    elif content_type == MULTIPART:
        check_preflight(request)
        form = await multipart_form(request, maximum_upload_bytes)
        with closing_files(form):
            yield _request_of(content_of(form))
    else:
        message = f"The content type is {content_type[:100]!r}; send {JSON}, or {MULTIPART} with a file."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)


def parsed(body: bytes) -> GraphQLRequest:
    """Reads a JSON body; raises BadRequest when it is none, or not a GraphQL request."""
    try:
        return _request_of(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, "BAD_REQUEST", f"The body is not JSON: {error}.") from None


async def body_of(receive: Receive, maximum_bytes: int) -> bytes:
    """Reads a body; raises BadRequest when it is too large, or is not sent to its end."""
    message = await receive()
    pieces = [message.get("body", b"")]
    size = len(pieces[0])
    while message.get("more_body", False) and size <= maximum_bytes:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    if message["type"] == "http.disconnect":
        raise BadRequest(400, "BAD_REQUEST", "The body ended before it was complete.")
    if size > maximum_bytes:
        raise BadRequest(413, "BODY_TOO_LARGE", f"The body is larger than {maximum_bytes} bytes.")
    return b"".join(pieces)


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
