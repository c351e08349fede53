"""Texts that a spreadsheet program would run as formulas, and how csv makes them harmless.

Where a semicolon is the delimiter, quotation marks in the middle of a field protect nothing: a
formula behind a semicolon, or a line break, then stands at the beginning of a field.
"""

import re

_BEFORE = "[' \u00a0\"]*"
"""Characters that a spreadsheet program may pass over before it takes a text for a formula."""
_FORMULA = rf"{_BEFORE}[=+\-@\t\r]"
_BEGINNINGS = r"(\A|[;\t\r\n])"
_UNSAFE = re.compile(rf"{_BEGINNINGS}(?={_FORMULA})")
_MARKED = re.compile(rf"{_BEGINNINGS}'(?={_FORMULA})")


def harmless_text(text: str) -> str:
    """Puts an apostrophe before all that would be run as a formula; `read_text` takes it off."""
    return _UNSAFE.sub(r"\1'", text)


def read_text(text: str) -> str:
    """Takes off the apostrophes that make formulas harmless."""
    return _MARKED.sub(r"\1", text) if "'" in text else text


def is_harmless(text: str) -> bool:
    """Tells quickly that a text needs no apostrophe, as almost all do not."""
    return text[:1].isalnum() and ";" not in text and "\n" not in text
