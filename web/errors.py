"""GraphQL errors, as answered: expected ones with their code, all others masked and logged."""

import logging
from typing import Any

from graphql import GraphQLError

from models.errors import Refusal, Refused
from schema.page import InvalidPage

logger = logging.getLogger("basket")

MASKED = "Something went wrong on our side."


def formatted(error: GraphQLError) -> dict[str, Any]:
    """Returns the error as it may leave the process."""
    cause = error.original_error
    if isinstance(cause, Refused):
        return _with(error, ", ".join(refusal.message for refusal in cause.refusals), _code(cause.refusals[0]))
    if isinstance(cause, InvalidPage):
        return _with(error, str(cause), "INVALID_INPUT")
    if error.path is not None and cause is not None and not isinstance(cause, GraphQLError):
        logger.error("An unexpected error at %s.", error.path, exc_info=cause)
        return _with(error, MASKED, "INTERNAL_SERVER_ERROR")
    return dict(error.formatted)


def _code(refusal: Refusal) -> str:
    return refusal.code.value


def _with(error: GraphQLError, message: str, code: str) -> dict[str, Any]:
    return {**error.formatted, "message": message, "extensions": {"code": code}}
