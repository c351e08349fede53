"""JSON answers."""

from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


CHARSET = "; charset=utf-8"


def json_response(content: Any, status: int = 200, media_type: str = JSON) -> Response:
    """Answers with JSON; the charset is said because the GraphQL over HTTP specification asks for it."""
    return Response(orjson.dumps(content), status, media_type=media_type + CHARSET)


def error_response(
    status: int, code: str, message: str, media_type: str = JSON
) -> Response:
    """Answers with one GraphQL error and no data."""
    return json_response(error_document(code, message), status, media_type)


def error_document(code: str, message: str) -> dict[str, Any]:
    """Returns one GraphQL error, before it is encoded."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}
