"""JSON responses."""

from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

CHARSET = "; charset=utf-8"
CONTENT_TYPES = {
    media_type: (b"content-type", (media_type + CHARSET).encode())
    for media_type in (GRAPHQL, JSON)
}
"""The headers of JSON, by its media types."""


def json_response(content: Any, status: int = 200) -> Response:
    """Returns a response of JSON; GraphQL over HTTP asks for the charset in its type."""
    return Response(orjson.dumps(content), status, media_type=JSON + CHARSET)


def error_response(status: int, code: str, message: str) -> Response:
    """Returns a response of one GraphQL error and no data."""
    return json_response(error_document(code, message), status)


def error_document(code: str, message: str, **extensions: str) -> dict[str, Any]:
    """Returns one GraphQL error and no data, before it is encoded."""
    extensions = {"code": code, **extensions}
    return {"errors": [{"message": message, "extensions": extensions}]}


def write_error(status: int, code: str, message: str) -> bytes:
    """Returns a response with one error, after which the connection closes, as it is sent."""
    response = error_response(status, code, message)
    response.headers["Connection"] = "close"
    lines: list[Any] = [f"HTTP/1.1 {status} {code.replace('_', ' ').title()}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
