"""Texts in spreadsheets that a spreadsheet program would run as formulas, and how they are made harmless in csv."""

FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that is run when a csv file is opened."""


def harmless_text(text: str) -> str:
    """Puts an apostrophe before a text that would be run as a formula; `read_text` takes it off again."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_BEGINNINGS) else text


def read_text(text: str) -> str:
    """Takes off the apostrophe that makes a formula harmless."""
    is_marked = text.startswith("'") and text.lstrip("'").startswith(FORMULA_BEGINNINGS)
    return text[1:] if is_marked else text
