"""Statements of tests, in the words of both databases, and the names of those that are run."""

from collections.abc import Sequence

import pytest

from models.database.statements import POSTGRES, SQLITE, Row, Statement


def statement(text: str) -> Statement:
    """Returns a statement; a word such as `:seconds` is a parameter."""
    return Statement("of a test", {POSTGRES: text, SQLITE: text})


def note_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the list to which the name of each statement of a file is added when it is run."""
    names: list[str] = []
    run = Statement.rows

    async def note_and_run(self: Statement, **values: object) -> Sequence[Row]:
        # The sweeper of exports, and the notes of uses, work at their own times.
        if not self.name.startswith(("take_", "note_")):
            names.append(self.name)
        return await run(self, **values)

    monkeypatch.setattr(Statement, "rows", note_and_run)
    return names
