"""Texts that a spreadsheet program would run as formulas, and how csv makes them harmless.

Where a semicolon is the delimiter, quotation marks in the middle of a field protect nothing: a
formula behind a semicolon, or a line break, then stands at the beginning of a field.
"""

import re

_BEFORE = "[' \u00a0\"]*"
"""Characters that a spreadsheet program may pass over before it takes a text for a formula."""
_FORMULA = rf"{_BEFORE}[=+\-@\t\r]"
_BEGINNINGS = r"(\A|[;\t\r\n])"
_DELIMITERS = re.compile(r"[;\t\r\n]")
_UNSAFE = re.compile(rf"{_BEGINNINGS}(?={_FORMULA})")
_MARKED = re.compile(rf"{_BEGINNINGS}'(?={_FORMULA})")


def escape_formulas(text: str) -> str:
    """Puts an apostrophe before each formula; `unescape_formulas` removes it."""
    return _UNSAFE.sub(r"\1'", text)


def unescape_formulas(text: str) -> str:
    """Removes the apostrophes of `escape_formulas`."""
    return _MARKED.sub(r"\1", text) if "'" in text else text


def needs_no_escape(text: str) -> bool:
    """Tells quickly that a text has no formula, as almost all have none."""
    return text[:1].isalnum() and not _DELIMITERS.search(text)
