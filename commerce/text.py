"""Texts and objects of Commerce, made such that a database, a file or a terminal takes them."""

import json
from typing import Any

from text import MAXIMUM_LENGTH, is_blank, trimmed, without_rejected

MAXIMUM_DEPTH = 8
MAXIMUM_VARIANTS_LENGTH = 20_000
MAXIMUM_INTEGER = 2**63 - 1


class _TooDeep(Exception):
    """Raised when an object holds more levels than anybody reads."""


def cleaned(text: str) -> str:
    """Drop the characters that PostgreSQL rejects: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def cleaned_name(value: object) -> str | None:
    """Return a name by the rule for text, cut to its maximum, or None if nothing is left of it."""
    if not isinstance(value, str):
        return None
    name = trimmed(trimmed(without_rejected(value))[:MAXIMUM_LENGTH])
    return None if is_blank(name) else name


def cleaned_object(value: object) -> dict[str, Any]:
    """Return a JSON object that can be stored anywhere; one that is too deep or too large is taken as absent."""
    if not isinstance(value, dict):
        return {}
    try:
        result = {
            cleaned(key): _cleaned_value(item, MAXIMUM_DEPTH) for key, item in value.items()
        }
    except _TooDeep:
        return {}
    return result if len(json.dumps(result)) <= MAXIMUM_VARIANTS_LENGTH else {}


def _cleaned_value(value: Any, depth: int) -> Any:
    if depth == 0:
        raise _TooDeep
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, dict):
        return {
            cleaned(key): _cleaned_value(item, depth - 1) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned_value(item, depth - 1) for item in value]
    return value if value is None or isinstance(value, bool) else _cleaned_number(value)


def _cleaned_number(value: int | float) -> int | float | str | None:
    # JSON has no largest number, but its readers do: 1e999 is read as infinity, and orjson rejects more than 64 bits.
    if isinstance(value, float):
        return value if abs(value) != float("inf") else None
    return value if abs(value) <= MAXIMUM_INTEGER else str(value)
