"""Columns that migrations add to tables which other tables refer to."""

from typing import Any

from tortoise.migrations import operations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

from models.database.dialect import is_dialect
from models.database.statements import SQLITE


class AddColumn(operations.AddField):
    """Adds a column.

    Undone on SQLite, Tortoise would make the table anew, which rows of other tables that refer to
    it do not allow.
    """

    async def database_backward(
        self,
        app_label: str,
        old_state: Any,
        new_state: Any,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Drops the column."""
        if state_editor and is_dialect(state_editor, SQLITE):
            table = old_state.apps.get_model(
                f"{app_label}.{self.model_name}"
            )._meta.db_table
            await state_editor._run_sql(f'ALTER TABLE "{table}" DROP COLUMN "{self.name}"')
        else:
            await super().database_backward(app_label, old_state, new_state, state_editor)
