"""The values of a request, read one by one; all that is wrong with them is said at once."""

import re
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

from web.rest.rejection import InvalidFields

SEGMENT = "segment_remote_id"
LARGEST, SMALLEST = 2**31 - 1, -(2**31)
REQUIRED, NOT_NULL = "This field is required.", "This field may not be null."

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_shortened = Repr()
_shortened.maxstring = _shortened.maxother = 100


def shown(value: object) -> str:
    """Writes a rejected value, shortened."""
    return _shortened.repr(value)


def whole_number(value: object) -> int:
    """Reads a whole number, which may be sent as a text; raises ValueError naming a value that is none."""
    number: int | None = None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if number is None:
        raise ValueError(f"{shown(value)} is not a whole number.")
    if not SMALLEST <= number <= LARGEST:
        raise ValueError(f"{shown(value)} is not between {SMALLEST} and {LARGEST}.")
    return number


class Fields:
    """The values of one request by name; `check` raises what was found wrong with those that were asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.messages: dict[str, list[str]] = {}

    def number(self, name: str) -> int:
        """Reads a whole number that has to be there."""
        number = self.optional_number(name)
        if number is None:
            self._reject(name, NOT_NULL if name in self.values else REQUIRED)
        return number or 0

    def optional_number(self, name: str) -> int | None:
        """Reads a whole number, None when it is left out or null."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            return whole_number(value)
        except ValueError as error:
            self._reject(name, str(error))
            return 0

    def segment(self) -> int | None:
        """Reads the segment; a front end that has none may write an empty one."""
        return self.optional_number(SEGMENT) if self.values.get(SEGMENT) != "" else None

    def text(self, name: str) -> str:
        """Reads a text that has to be there."""
        text = self.optional_text(name)
        if text is None:
            self._reject(name, NOT_NULL if name in self.values else REQUIRED)
        return text or ""

    def optional_text(self, name: str) -> str | None:
        """Reads a text, None when it is left out or null."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        self._reject(name, f"{shown(value)} is not a text.")
        return ""

    def check(self) -> None:
        """Raises InvalidFields when anything that was read is wrong."""
        if self.messages:
            raise InvalidFields(self.messages)

    def _reject(self, name: str, message: str) -> None:
        self.messages.setdefault(name, []).append(message)
