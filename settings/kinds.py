"""The kinds of settings: each parses a text, names its expectation, and formats a value."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from settings.secret import Secret

T = TypeVar("T")

HIDDEN = "(hidden)"
_WHOLE = re.compile(r"[+-]?\d[\d_]*", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)", re.ASCII)
_WORDS_OF_TRUTH = {"true": True, "yes": True, "on": True, "1": True}
_WORDS_OF_FALSEHOOD = {"false": False, "no": False, "off": False, "0": False}
_RATE = re.compile(
    r"0*[1-9]\d*\s*(/|per)\s*(0*[1-9]\d*\s*)?(second|minute|hour|day|month|year)s?",
    re.ASCII | re.IGNORECASE,
)


class InvalidSetting(ValueError):
    """Raised for an unusable value; the message shows no secret."""


def format_setting(value: Any) -> str:
    """Formats a number, a text, a truth or a list as in the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def hide_value(value: Any) -> str:
    """Formats only whether there is a value."""
    return HIDDEN if value else ""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of setting. `parse` raises ValueError, or InvalidSetting with a reason of its own."""

    expects: str
    parse: Callable[[str], T]
    is_secret: bool = False
    """Whether the value is or holds a secret: never shown whole, and read from files too."""
    show: Callable[[Any], str] = field(default=format_setting)

    def is_nothing(self, default: Any) -> bool:
        """Whether a default means that the setting is optional."""
        return not isinstance(default, bool | int | float) and not default


def whole_number(least: int, most: int) -> Kind[int]:
    """Returns the kind of whole numbers within limits."""

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {least} to {most}", parse)


def decimal_number(least: float, most: float) -> Kind[float]:
    """Returns the kind of decimal numbers within limits."""

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
            raise ValueError
        if not least <= float(text) <= most:
            raise ValueError
        return float(text)

    return Kind(f"a number from {least:g} to {most:.9g}", parse)


def word(*words: str) -> Kind[str]:
    """Returns the kind of settings that take one of a few words, in any letter case."""
    by_folded = {word.casefold(): word for word in words}

    def parse(text: str) -> str:
        matching = by_folded.get(text.casefold())
        if matching is None:
            raise ValueError
        return matching

    return Kind(f"one of {', '.join(words)}", parse)


def text_like(pattern: str, expects: str) -> Kind[str]:
    """Returns the kind of texts that match a pattern as a whole."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError
        return text

    return Kind(expects, parse)


NAME = text_like(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "1 to 64 letters, digits, points, hyphens and underscores, with a letter or digit first",
)


def _parse_truth(text: str) -> bool:
    truth = (_WORDS_OF_TRUTH | _WORDS_OF_FALSEHOOD).get(text.casefold())
    if truth is None:
        raise ValueError
    return truth


SWITCH: Kind[bool] = Kind("true or false (or yes, no, on, off, 1, 0)", _parse_truth)


def _parse_rate(text: str) -> str:
    if text.strip("0") and not _RATE.fullmatch(text):
        raise ValueError
    return text if text.strip("0") else "0"


RATE = Kind("like 6000/minute, or 0 for no limit", _parse_rate)


def _check_header_text(text: str) -> Secret:
    # The token is sent in a header, which cannot hold other characters safely.
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError
    return Secret(text)


TOKEN: Kind[Secret] = Kind(
    "a text of ASCII letters, digits and signs without spaces",
    _check_header_text,
    True,
    hide_value,
)


def _check_printable(text: str) -> Secret:
    if not text.isprintable():
        raise ValueError
    return Secret(text)


PASSWORD: Kind[Secret] = Kind(
    "a text of characters that can be printed", _check_printable, True, hide_value
)


def _parse_keys(text: str) -> tuple[Secret, ...]:
    parts = [part.strip() for part in re.split(r"[,\r\n]", text)]
    keys = [part for part in parts if part]
    if not all(key.isprintable() for key in keys):
        raise ValueError
    if len(set(keys)) < len(keys):
        raise InvalidSetting("the same key stands twice in the list")
    return tuple(Secret(key) for key in keys)


KEYS: Kind[tuple[Secret, ...]] = Kind(
    "a list of keys, the newest first, separated by commas or lines",
    _parse_keys,
    True,
    hide_value,
)
