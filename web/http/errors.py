"""Errors, as answered: expected ones with their code, all others masked, logged once, and named by the request id."""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import logs
from models.database.connection import is_unavailable
from models.rejections import Rejected, Rejection
from resolvers.answer import REJECTIONS
from schema.page import InvalidPage
from web.http.json_response import json_response

logger = logging.getLogger("basket")

MASKED = "Something went wrong on our side."
UNAVAILABLE = "The database cannot be asked just now; try again soon."


def formatted(error: GraphQLError) -> dict[str, Any]:
    """Returns the error as it may leave the process."""
    cause = error.original_error
    if isinstance(cause, Rejected):
        REJECTIONS.labels(_code(cause.rejections[0])).inc()
        return _with(
            error,
            ", ".join(rejection.message for rejection in cause.rejections),
            _code(cause.rejections[0]),
        )
    if isinstance(cause, InvalidPage):
        return _with(error, str(cause), "INVALID_INPUT")
    if cause is not None and is_unavailable(cause):
        logger.warning("The database cannot be used.", exc_info=cause)
        return _with(error, UNAVAILABLE, "SERVICE_UNAVAILABLE", **_request_id())
    if not is_expected(error):
        logger.error("An unexpected error at %s.", error.path, exc_info=cause)
        return _with(error, MASKED, "INTERNAL_SERVER_ERROR", **_request_id())
    return dict(error.formatted)


def is_expected(error: GraphQLError) -> bool:
    """Tells an error that the client can do something about from a fault of ours, whose text must not be shown."""
    cause = error.original_error
    return (
        error.path is None
        or cause is None
        or isinstance(cause, Rejected | InvalidPage | GraphQLError)
    )


def unavailable(errors: Sequence[GraphQLError]) -> dict[str, Any] | None:
    """Returns the answer to an operation that failed because the database cannot be used; None when it can."""
    causes = [error.original_error for error in errors if error.original_error is not None]
    cause = next((cause for cause in causes if is_unavailable(cause)), None)
    return None if cause is None else _unavailable(cause)


def response_to(error: Exception) -> Response:
    """Returns the answer to a request whose answering raised: 503 when the database cannot be used, else 500."""
    if is_unavailable(error):
        return json_response(_unavailable(error), 503)
    logger.error("An unexpected error.", exc_info=error)
    return json_response(_content("INTERNAL_SERVER_ERROR", MASKED, **_request_id()), 500)


def _unavailable(cause: BaseException) -> dict[str, Any]:
    logger.warning("The database cannot be used.", exc_info=cause)
    return _content("SERVICE_UNAVAILABLE", UNAVAILABLE, **_request_id())


async def http_error(request: Request, error: Exception) -> Response:
    """Answers what no route answers, and methods that a route does not know, with JSON as everything else."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    codes = {
        404: ("NOT_FOUND", "There is nothing here."),
        405: ("METHOD_NOT_ALLOWED", "Use another method here."),
    }
    code, message = codes.get(status, ("BAD_REQUEST", "The request cannot be answered."))
    response = json_response(_content(code, message), status)
    response.headers.update(headers or {})
    return response


def _content(code: str, message: str, **more: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **more}}]}


def _request_id() -> dict[str, str]:
    found = logs.request_id.get()
    return {"requestId": found} if found else {}


def _code(rejection: Rejection) -> str:
    return rejection.code.value


def _with(error: GraphQLError, message: str, code: str, **more: str) -> dict[str, Any]:
    return {**error.formatted, "message": message, "extensions": {"code": code, **more}}
