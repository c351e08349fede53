"""The errors of one answer: duplicates merged, few and short, with the cost that was rejected."""

from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError

from web.http.errors import formatted

MAXIMUM_ERRORS = 10
MAXIMUM_MESSAGE = 300
"""The longest message, in characters; what a client sent wrongly is often part of it."""


def error_content(errors: Iterable[GraphQLError]) -> dict[str, Any]:
    """Returns `errors`, and `extensions` when a cost was rejected or errors were left out."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    extensions: dict[str, Any] = {}
    for error in errors:
        content = formatted(error)
        content["message"] = _cut(content["message"])
        if cost := content.get("extensions", {}).get("cost"):
            extensions["cost"] = cost
        _merge(merged, content)
    listed = list(merged.values())
    if len(listed) > MAXIMUM_ERRORS:
        extensions["errorsLeftOut"] = len(listed) - MAXIMUM_ERRORS
    return {"errors": listed[:MAXIMUM_ERRORS]} | (
        {"extensions": extensions} if extensions else {}
    )


def _merge(merged: dict[tuple[str, str], dict[str, Any]], content: dict[str, Any]) -> None:
    """Keeps an error, or the places of one that says the same of the same part of the answer."""
    same = merged.setdefault((content["message"], str(content.get("path"))), content)
    if same is not content and len(same.get("locations", [])) < MAXIMUM_ERRORS:
        same["locations"] = [*same.get("locations", []), *content.get("locations", [])]


def _cut(message: str) -> str:
    return (
        message if len(message) <= MAXIMUM_MESSAGE else message[: MAXIMUM_MESSAGE - 1] + "…"
    )
