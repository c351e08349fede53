"""The private names of Tortoise that are used here, with the reason for each.

The two engines, `postgres.client` and `sqlite`, override what Tortoise's own clients do around a
transaction, and name their parts. A test looks for each name, so that an upgrade which changes them
is noticed.
"""

from typing import Any

from tortoise import Tortoise
from tortoise.migrations.executor import MigrationExecutor

NAMES = {
    "tortoise.Tortoise": ("_enable_global_fallback",),
    "tortoise.models.ModelMeta": ("_no_comments",),
    "tortoise.migrations.executor.MigrationExecutor": ("_schema_editor",),
    "tortoise.backends.asyncpg.client": (
        *("_pool", "_connection", "_close", "_in_transaction", "_translate_exceptions"),
        *("_parent", "_finalized", "_pool_init_lock"),
    ),
    "tortoise.backends.sqlite.client": ("_in_transaction", "_trxlock", "_lock"),
}
"""By the place where they are defined."""


async def open_for_all_tasks(configuration: dict[str, Any]) -> None:
    """Opens the connections for every task of the process, not only those that this one starts."""
    await Tortoise.init(config=configuration, _enable_global_fallback=True)


def schema_editor(executor: MigrationExecutor) -> Any:
    """Returns the editor with which the executor can make the table of migrations by itself."""
    return executor._schema_editor(atomic=False)
