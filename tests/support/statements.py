"""Statements of tests, in the words of both databases."""

from models.database.statements import POSTGRES, SQLITE, Statement


def statement(text: str) -> Statement:
    """Returns a statement; a word such as `:seconds` is a parameter."""
    return Statement("of a test", {POSTGRES: text, SQLITE: text})
