"""The private names of Tortoise that are used here, with the reason for each.

The two engines, `postgres.client` and `sqlite`, override what Tortoise's own clients do around a
transaction, and name their parts. A test looks for each name, so that an upgrade which changes them
is noticed.
"""

from dataclasses import dataclass
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection
from tortoise.context import require_context
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_generator.state import State

NAMES = {
    "tortoise.Tortoise": ("_enable_global_fallback",),
    "tortoise.models.ModelMeta": ("_no_comments",),
    "tortoise.connection.ConnectionHandler": ("_storage_var",),
    "tortoise.migrations.executor.MigrationExecutor": ("_schema_editor", "_project_state"),
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


def current_client() -> BaseDBAsyncClient:
    """Returns the client of the current task: that of its transaction, else the database's.

    `get_connection` compares event loops each time, which takes as long as encoding a statement.
    """
    clients = require_context().connections._storage_var.get()
    return clients.get("default") or get_connection("default")


@dataclass(frozen=True)
class ReachedState:
    """The models after migrations that are applied, from which the next step goes on.

    Making them anew from all migrations before each step took most of the time of migrating.
    """

    applied: set[MigrationKey]
    models: State


class StepExecutor(MigrationExecutor):
    """An executor of one step, in a transaction and so with a connection of its own."""

    def __init__(
        self,
        connection: BaseDBAsyncClient,
        apps: dict[str, dict[str, Any]],
        before: ReachedState | None,
    ) -> None:
        super().__init__(connection, apps)
        self.reached = before

    async def step(self, app: str, name: str, direction: str) -> ReachedState | None:
        """Migrates to a migration; returns the state after it if a next step can use it."""
        # Asked for its names before it is made, a missing table would end the transaction.
        await self.recorder.ensure_schema(self._schema_editor(atomic=False))
        await self.migrate([MigrationTarget(app, name)], direction=direction)
        return self.reached if direction == "forward" else None

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        """Returns the models after the applied migrations; `migrate` adds its own to both."""
        if upto or self.reached is None or self.reached.applied != applied:
            models = await super()._project_state(applied, upto=upto)
        else:
            models = self.reached.models
        self.reached = ReachedState(applied, models)
        return models
