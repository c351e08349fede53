"""Texts and objects of Commerce, cleaned for databases, files and terminals."""

import json
from typing import Any

from text import MAXIMUM_LENGTH, is_blank, remove_rejected, trim

MAXIMUM_DEPTH = 8
MAXIMUM_VARIANTS_LENGTH = 20_000
MAXIMUM_INTEGER = 2**63 - 1


class _TooDeep(Exception):
    """Raised when an object is nested more than MAXIMUM_DEPTH levels deep."""


def clean_commerce_text(text: str) -> str:
    """Removes the characters that PostgreSQL rejects: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def clean_name(value: object) -> str | None:
    """Returns a name by the rule for texts, truncated; None when nothing is left of it."""
    if not isinstance(value, str):
        return None
    name = trim(trim(remove_rejected(value))[:MAXIMUM_LENGTH])
    return None if is_blank(name) else name


def clean_object(value: object) -> dict[str, Any]:
    """Returns a JSON object that can be stored; an empty one when it is too deep or too large."""
    if not isinstance(value, dict):
        return {}
    try:
        result = {
            clean_commerce_text(key): _clean_value(item, MAXIMUM_DEPTH)
            for key, item in value.items()
        }
    except _TooDeep:
        return {}
    return result if len(json.dumps(result)) <= MAXIMUM_VARIANTS_LENGTH else {}


def _clean_value(value: Any, depth: int) -> Any:
    if depth == 0:
        raise _TooDeep
    if isinstance(value, str):
        return clean_commerce_text(value)
    if isinstance(value, dict):
        return {
            clean_commerce_text(key): _clean_value(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean_value(item, depth - 1) for item in value]
    return value if value is None or isinstance(value, bool) else _clean_number(value)


def _clean_number(value: int | float) -> int | float | str | None:
    # JSON has no largest number, but its readers do: 1e999 is read as infinity, and orjson
    # rejects more than 64 bits.
    if isinstance(value, float):
        return value if abs(value) != float("inf") else None
    return value if abs(value) <= MAXIMUM_INTEGER else str(value)
