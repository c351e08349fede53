"""Errors of requests that no interface answers itself, as JSON; unexpected ones are masked."""

import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from models.database.connection import is_unavailable
from request_record import current_record
from web.http.json_response import error_document, json_response

logger = logging.getLogger("basket")

MASKED = "Something went wrong on our side."
NOT_STARTED = (
    "This server was started without its lifespan, so it has no database; see the log."
)
UNAVAILABLE = "The database cannot be asked just now; try again soon."

_MESSAGES = {
    404: ("NOT_FOUND", "There is nothing here."),
    405: ("METHOD_NOT_ALLOWED", "Use another method here."),
}
_OTHER = ("BAD_REQUEST", "The request cannot be answered.")


def response_to(error: Exception) -> Response:
    """Returns the response to an exception: 503 when the database cannot be used, else 500."""
    return json_response(masked_document(error), 503 if is_unavailable(error) else 500)


def masked_document(error: Exception) -> dict[str, Any]:
    """Logs an exception, and returns the error that clients get for it."""
    if is_unavailable(error):
        return unavailable_document(error)
    logger.error("An unexpected error.", exc_info=error)
    code = "INTERNAL_SERVER_ERROR"
    return error_document(code, MASKED, **request_id_extension())


def unavailable_document(cause: BaseException) -> dict[str, Any]:
    """Logs why the database cannot be used, and returns the error that clients get for it."""
    logger.warning("The database cannot be used.", exc_info=cause)
    return error_document("SERVICE_UNAVAILABLE", UNAVAILABLE, **request_id_extension())


def not_started() -> Response:
    """Logs what is wrong with a server that sent no lifespan events, and returns 503."""
    logger.error(
        "The ASGI server sent no lifespan events, which open the database: start it "
        "without `--lifespan off`."
    )
    return json_response(
        error_document("SERVICE_UNAVAILABLE", NOT_STARTED, **request_id_extension()), 503
    )


def not_found() -> Response:
    """Returns the response to an unknown path."""
    return json_response(error_document(*_MESSAGES[404]), 404)


async def http_error(request: Request, error: Exception) -> Response:
    """Answers unknown paths (404) and methods (405) as JSON."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    code, message = _MESSAGES.get(status, _OTHER)
    response = json_response(error_document(code, message), status)
    response.headers.update(headers or {})
    return response


def request_id_extension() -> dict[str, str]:
    """Returns the request's id for the extensions of an error; nothing outside a request."""
    request_id = current_record().request_id
    return {"requestId": request_id} if request_id else {}
