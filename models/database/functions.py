"""Functions of PostgreSQL that migrations make from `.sql` files."""

from pathlib import Path
from typing import Any

from tortoise.migrations import operations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor


class _OnPostgres(operations.RunSQL):
    """Statements that do nothing on SQLite, which has no functions."""

    async def database_forward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Runs the statement."""
        if _is_postgres(state_editor):
            await super().database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Runs the statement that undoes it."""
        if _is_postgres(state_editor):
            await super().database_backward(app_label, old_state, new_state, state_editor)


class CreateFunction(_OnPostgres):
    """Makes a function from the file of its name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"), f"DROP FUNCTION {path.stem}")


class DropFunction(_OnPostgres):
    """Drops a function that an earlier release called."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"DROP FUNCTION {path.stem}", path.read_text(encoding="utf-8"))


def _is_postgres(state_editor: BaseSchemaEditor | None) -> bool:
    client = state_editor.client if state_editor else None
    return client is not None and client.capabilities.dialect == "postgres"
