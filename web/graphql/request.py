"""Reading a GraphQL request from an HTTP one: POST of JSON or of a form with files, GET for queries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.types import Receive

import settings
from web.http.bad_request import BadRequest, PersistedQueryUnsupported
from web.http.json_request import json_of
from web.http.json_response import JSON
from web.http.multipart import (
    MULTIPART,
    check_preflight,
    closing_files,
    content_of,
    is_upload,
    multipart_form,
)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A document, its variables, which of its operations is meant, and what the client wants besides.

    `wants_cost` is said by `"extensions": {"cost": true}`. A GET request may only query.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    wants_cost: bool = False
    only_queries: bool = False


PARAMETERS = ("query", "variables", "operationName", "extensions")


@asynccontextmanager
async def received(
    request: Request, maximum_bytes: int, maximum_upload_bytes: int
) -> AsyncIterator[GraphQLRequest]:
    """Reads the body, and keeps its files until the request is answered.

    Raises BadRequest when it is too large, neither JSON nor multipart, or not a GraphQL request.
    """
    if request.method == "GET":
        if settings.REQUIRE_PREFLIGHT_HEADER:
            check_preflight(request, "GET requests")
        yield _request_of(_parameters(request), only_queries=True)
        return
    content_type = _content_type(request)
    if content_type == JSON:
        check_length(request, maximum_bytes)
        yield parsed(await body_of(request.receive, maximum_bytes))
    elif content_type == MULTIPART:
        if settings.REQUIRE_PREFLIGHT_HEADER:
            check_preflight(request, "Uploads")
        form = await multipart_form(request, maximum_upload_bytes, is_upload)
        with closing_files(form):
            yield _request_of(content_of(form))
    else:
        message = f"The content type is {content_type[:100]!r}; send {JSON}, or {MULTIPART} with a file."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)


def _parameters(request: Request) -> dict[str, Any]:
    """Reads the parameters of a GET request; raises BadRequest."""
    given = request.query_params.multi_items()
    parameters: dict[str, Any] = {
        name: value for name, value in given if name in PARAMETERS
    }
    if len(parameters) != sum(name in PARAMETERS for name, _ in given):
        raise BadRequest(400, "BAD_REQUEST", "The address has a parameter twice.")
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = json_of(
                parameters[name].encode(errors="replace"), f"`{name}`"
            )
        else:
            parameters.pop(name, None)
    return parameters


def _content_type(request: Request) -> str:
    """Returns the type of the body; raises BadRequest (415) for a compressed one, and for one in another charset."""
    check_uncompressed(request)
    headers = request.headers
    name, *parameters = headers.get("content-type", "").lower().split(";")
    charset = next(
        (
            text.strip()[8:].strip('"')
            for text in parameters
            if text.strip().startswith("charset=")
        ),
        "",
    )
    if charset not in ("", "utf-8", "utf8"):
        raise BadRequest(
            415, "UNSUPPORTED_MEDIA_TYPE", f"The charset is {charset[:100]!r}; send utf-8."
        )
    if len(headers.getlist("content-type")) > 1:
        raise BadRequest(
            415, "UNSUPPORTED_MEDIA_TYPE", "The request has two content types."
        )
    return name.strip()


def check_uncompressed(request: Request) -> None:
    """Raises BadRequest (415) for a compressed body: a small one may hold a gigabyte."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in (
        "",
        "identity",
    ):
        raise BadRequest(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The body is compressed; send it without `Content-Encoding`.",
        )


def check_length(request: Request, maximum_bytes: int) -> None:
    """Raises BadRequest (413) for a body by the length it is said to have, before any of it is read."""
    length = request.headers.get("content-length", "")
    if len(length) > 18 or (length.isdigit() and int(length) > maximum_bytes):
        raise _too_large(maximum_bytes)


def _too_large(maximum_bytes: int) -> BadRequest:
    return BadRequest(
        413, "BODY_TOO_LARGE", f"The body is larger than {maximum_bytes} bytes."
    )


def parsed(body: bytes) -> GraphQLRequest:
    """Reads a JSON body; raises BadRequest when it is none, or not a GraphQL request."""
    return _request_of(json_of(body, "The body"))


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
        raise _too_large(maximum_bytes)
    return b"".join(pieces)


def _request_of(content: Any, *, only_queries: bool = False) -> GraphQLRequest:
    if isinstance(content, list):
        raise BadRequest(
            400, "BAD_REQUEST", "Batches are not accepted; send one operation a request."
        )
    if not isinstance(content, dict):
        raise BadRequest(400, "BAD_REQUEST", "The body is not a JSON object.")
    query = content.get("query") or None
    extensions = content.get("extensions")
    if query is None and isinstance(extensions, dict) and extensions.get("persistedQuery"):
        raise PersistedQueryUnsupported
    if not isinstance(query, str):
        raise BadRequest(400, "BAD_REQUEST", "The request has no `query` text.")
    for name, kind in (("variables", dict), ("operationName", str), ("extensions", dict)):
        if content.get(name) is not None and not isinstance(content[name], kind):
            expected = "an object" if kind is dict else "a text"
            raise BadRequest(400, "BAD_REQUEST", f"`{name}` is not {expected}.")
    wants_cost = extensions is not None and extensions.get("cost") is True
    operation_name = content.get("operationName") or None
    return GraphQLRequest(
        query, content.get("variables"), operation_name, wants_cost, only_queries
    )
