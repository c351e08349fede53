"""Texts in spreadsheets that a spreadsheet program would run as formulas, and how they are made harmless in csv."""

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that is run when a csv file is opened."""


_BEFORE = "' \u00a0"
"""Characters that a spreadsheet program may pass over before it takes a text for a formula."""


def _is_formula(text: str) -> bool:
    return text.lstrip(_BEFORE).startswith(FORMULA_BEGINNINGS)


def harmless_text(text: str) -> str:
    """Puts an apostrophe before a text that would be run as a formula; `read_text` takes it off again."""
    return f"'{text}" if _is_formula(text) else text


def read_text(text: str) -> str:
    """Takes off the apostrophe that makes a formula harmless."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text
