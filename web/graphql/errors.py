"""GraphQL errors: masked unless expected, and few and short in one response."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from models.database.connection import is_unavailable
from models.rejections import Rejected
from models.user import BuyerErased
from resolvers.outcome import count_rejections
from schema.page import InvalidPage
from web.http.errors import (
    MASKED,
    UNAVAILABLE,
    request_id_extension,
    unavailable_document,
)

logger = logging.getLogger("basket")

MAXIMUM_ERRORS = 10
MAXIMUM_MESSAGE = 300
"""The longest message, in characters; a wrong value of the client is often part of it."""


def error_content(errors: Iterable[GraphQLError]) -> dict[str, Any]:
    """Returns `errors`, and `extensions` when a cost was rejected or errors were left out."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    extensions: dict[str, Any] = {}
    for error in errors:
        content = format_error(error)
        content["message"] = _cut(content["message"])
        if cost := content.get("extensions", {}).get("cost"):
            extensions["cost"] = cost
        # One wrong fragment may be reported once per spread.
        _merge(merged, content)
    listed = list(merged.values())
    if len(listed) > MAXIMUM_ERRORS:
        extensions["errorsLeftOut"] = len(listed) - MAXIMUM_ERRORS
    document: dict[str, Any] = {"errors": listed[:MAXIMUM_ERRORS]}
    return document | ({"extensions": extensions} if extensions else {})


def result_content(result: ExecutionResult, extensions: dict[str, Any]) -> dict[str, Any]:
    """Returns the result of an execution as it is sent, with further extensions."""
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        content |= error_content(result.errors)
    if extensions:
        content["extensions"] = {**extensions, **content.get("extensions", {})}
    return content


def _merge(merged: dict[tuple[str, str], dict[str, Any]], content: dict[str, Any]) -> None:
    """Adds an error, or only its locations to one with the same message and path."""
    same = merged.setdefault((content["message"], str(content.get("path"))), content)
    if same is not content and len(same.get("locations", [])) < MAXIMUM_ERRORS:
        same["locations"] = [*same.get("locations", []), *content.get("locations", [])]


def _cut(message: str) -> str:
    if len(message) <= MAXIMUM_MESSAGE:
        return message
    return message[: MAXIMUM_MESSAGE - 1] + "…"


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Returns an error as clients may see it; logs an unexpected one."""
    cause = error.original_error
    # Queries have no `userErrors`: a rejection there is a GraphQL error.
    if isinstance(cause, Rejected):
        code = cause.rejections[0].code.value
        message = ", ".join(rejection.message for rejection in cause.rejections)
        return _replace(error, message, code)
    if isinstance(cause, BuyerErased):
        return _replace(error, "You are no user any more.", "UNAUTHENTICATED")
    if isinstance(cause, InvalidPage):
        return _replace(error, str(cause), "INVALID_INPUT")
    if cause is not None and is_unavailable(cause):
        logger.warning("The database cannot be used.", exc_info=cause)
        return _replace(error, UNAVAILABLE, "SERVICE_UNAVAILABLE", **request_id_extension())
    if not is_expected(error):
        logger.error("An unexpected error at %s.", error.path, exc_info=cause)
        return _replace(error, MASKED, "INTERNAL_SERVER_ERROR", **request_id_extension())
    return dict(error.formatted)


def is_expected(error: GraphQLError) -> bool:
    """Whether the client caused the error; all others are masked."""
    cause = error.original_error
    is_of_client = isinstance(cause, Rejected | BuyerErased | InvalidPage | GraphQLError)
    # Without a path, it is an error of parsing, validation or variables: no resolver has run.
    return error.path is None or cause is None or is_of_client


def count_rejected(errors: Sequence[GraphQLError]) -> None:
    """Counts the rejections among the errors of one execution."""
    for error in errors:
        if isinstance(error.original_error, Rejected):
            count_rejections(error.original_error.rejections)


def find_outage(errors: Sequence[GraphQLError]) -> dict[str, Any] | None:
    """Returns the response to an operation that failed for want of the database, else None."""
    causes = [error.original_error for error in errors if error.original_error is not None]
    cause = next((cause for cause in causes if is_unavailable(cause)), None)
    return None if cause is None else unavailable_document(cause)


def find_erased(errors: Sequence[GraphQLError]) -> bool:
    """Whether an operation failed because its buyer was erased meanwhile."""
    return any(isinstance(error.original_error, BuyerErased) for error in errors)


def _replace(
    error: GraphQLError, message: str, code: str, **extensions: str
) -> dict[str, Any]:
    extensions = {"code": code, **extensions}
    return {**error.formatted, "message": message, "extensions": extensions}
