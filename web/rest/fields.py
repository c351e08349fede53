"""The values of a request, parsed one by one; all faults are reported together."""

import re
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

from models.database.integers import LARGEST_INT
from web.rest.rejection import InvalidFields

SEGMENT = "segment_remote_id"
LARGEST, SMALLEST = LARGEST_INT, -LARGEST_INT - 1
REQUIRED, NOT_NULL = "This field is required.", "This field may not be null."

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_shortened = Repr()
_shortened.maxstring = _shortened.maxother = 100


def format_value(value: object) -> str:
    """Formats a rejected value for a message, truncated."""
    return _shortened.repr(value)


def parse_whole_number(value: object) -> int:
    """Returns a whole number, which may be sent as a text; raises ValueError with the value."""
    # Forms and some front ends send every value as a text, and JavaScript may send 3.0.
    number: int | None = None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        number = int(value)
    # To Python, true is an integer.
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if number is None:
        raise ValueError(f"{format_value(value)} is not a whole number.")
    if not SMALLEST <= number <= LARGEST:
        raise ValueError(f"{format_value(value)} is not between {SMALLEST} and {LARGEST}.")
    return number


class Fields:
    """The values of one request by name; `check` raises the faults of those that were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.messages: dict[str, list[str]] = {}

    def number(self, name: str) -> int:
        """Returns a whole number; a missing one is a fault."""
        number = self.optional_number(name)
        if number is None:
            self.reject(name, NOT_NULL if name in self.values else REQUIRED)
        return number or 0

    def optional_number(self, name: str) -> int | None:
        """Returns a whole number, None when it is missing or null."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            return parse_whole_number(value)
        except ValueError as error:
            self.reject(name, str(error))
            return 0

    def segment(self) -> int | None:
        """Returns the segment; clients without one may send an empty text."""
        return self.optional_number(SEGMENT) if self.values.get(SEGMENT) != "" else None

    def text(self, name: str) -> str:
        """Returns a text; a missing one is a fault."""
        text = self.optional_text(name)
        if text is None:
            self.reject(name, NOT_NULL if name in self.values else REQUIRED)
        return text or ""

    def optional_text(self, name: str) -> str | None:
        """Returns a text, None when it is missing or null."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.reject(name, f"{format_value(value)} is not a text.")
        return ""

    def check(self) -> None:
        """Raises InvalidFields when a value that was read has a fault."""
        if self.messages:
            raise InvalidFields(self.messages)

    def reject(self, name: str, message: str) -> None:
        """Notes a fault of a value, which `check` raises with the others."""
        self.messages.setdefault(name, []).append(message)
