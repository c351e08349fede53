"""Filling new columns of many rows: by migrations, in batches that lock few rows for an instant."""

from pathlib import Path
from typing import Any

from tortoise.migrations import operations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.transactions import in_transaction

from models.database.statements import load_statements

SIZE = 500
"""How many rows one batch fills."""


class FillInBatches(operations.RunSQL):
    """Fills columns by the statement `fill` of a file.

    On PostgreSQL `fill_in_batches` has filled them before the migration's own transaction begins,
    a batch per transaction: for SQLite, which one process has to itself, it is one statement.
    """

    def __init__(self, path: Path) -> None:
        self.fill = load_statements(str(path))["fill"]
        super().__init__(self.fill.sqlite, operations.RunSQL.noop)

    async def database_forward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Fills all rows on SQLite."""
        client = state_editor.client if state_editor else None
        if client is not None and client.capabilities.dialect == "sqlite":
            await super().database_forward(app_label, old_state, new_state, state_editor)


async def fill_in_batches(fill: FillInBatches) -> None:
    """Fills the rows of PostgreSQL, a batch per transaction; to begin again does no harm."""
    last: int | None = 0
    while last is not None:
        async with in_transaction():
            last = (await fill.fill.one(after=last, size=SIZE))["last"]
