"""Functions of PostgreSQL that migrations make from `.sql` files."""

from pathlib import Path
from typing import Any

from tortoise.migrations import operations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor


class CreateFunction(operations.RunSQL):
    """Makes a function from the file of its name; on SQLite, which has none, it does nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"), f"DROP FUNCTION {path.stem}")

    async def database_forward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Makes the function."""
        if _is_postgres(state_editor):
            await super().database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Drops the function."""
        if _is_postgres(state_editor):
            await super().database_backward(app_label, old_state, new_state, state_editor)


def _is_postgres(state_editor: BaseSchemaEditor | None) -> bool:
    client = state_editor.client if state_editor else None
    return client is not None and client.capabilities.dialect == "postgres"
