"""Operations of migrations that differ between the databases."""

from typing import Any, ClassVar

from tortoise.migrations import operations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

from models.database.statements import POSTGRES


def is_dialect(state_editor: BaseSchemaEditor | None, dialect: str) -> bool:
    """Whether a migration runs on a database of this kind."""
    return state_editor is not None and state_editor.client.capabilities.dialect == dialect


class DialectSQL(operations.RunSQL):
    """Statements for one kind of database; on the other they do nothing."""

    dialect: ClassVar[str]

    async def database_forward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Runs the statements."""
        if is_dialect(state_editor, self.dialect):
            await super().database_forward(app_label, old_state, new_state, state_editor)

    async def database_backward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Runs the statements that undo them."""
        if is_dialect(state_editor, self.dialect):
            await super().database_backward(app_label, old_state, new_state, state_editor)


class PostgresSQL(DialectSQL):
    """Statements for PostgreSQL."""

    dialect = POSTGRES
