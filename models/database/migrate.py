"""Migrating: one process at a time, with bounded waits for locks; the state of a database."""

import asyncio
import logging
import pkgutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import ClassVar, NamedTuple, Protocol

from asyncpg.exceptions import DeadlockDetectedError, LockNotAvailableError
from tortoise.connection import get_connection
from tortoise.migrations.operations import Operation
from tortoise.transactions import in_transaction

from models import migrations
from models.database.batches import FillInBatches, fill_in_batches
from models.database.outage import DatabaseUnusable
from models.database.statements import load_statements
from models.database.tortoise_internals import ReachedState, StepExecutor

logger = logging.getLogger("basket")

APP = "models"
LOCK_MILLISECONDS = 1_000
"""Timeout of a migration's wait for a lock, during which requests wait behind it."""
ATTEMPTS = 60
"""Attempts at a migration whose locks are held by others."""
PAUSE_SECONDS = 4.0
"""The longest pause between two of them, in which waiting requests go on."""
TURN_KEY = 0x6D696772617465  # "migrate"
"""The lock of one step, also against releases that know no other."""
LEAD_KEY = 0x6C656164  # "lead"
"""The lock of all steps of one process."""

_STATEMENTS = load_statements(__file__)


class MigrationState(NamedTuple):
    """The migrations that a database lacks, and those unknown to this release."""

    pending: list[str]
    unknown: list[str]

    def describe(self) -> str:
        """Returns the difference to this release in words; empty when there is none."""
        if self.pending:
            return f"is not migrated: it lacks {', '.join(self.pending)}; run `server.py migrate`"
        if self.unknown:
            return (
                f"is migrated beyond this release: it has {', '.join(self.unknown)}; "
                "this release goes on, install the newer one soon"
            )
        return ""


class LocksHeld(DatabaseUnusable):
    """Raised when the locks of a migration could not be had in all attempts."""


class Steps:
    """Carries out one migration after another, and keeps the models that the last one led to."""

    def __init__(self) -> None:
        self._reached: ReachedState | None = None

    async def carry_out(self, name: str, direction: str) -> None:
        """Carries out a migration, or undoes it, in the transaction that is open."""
        apps = {APP: {"models": _model_modules(), "migrations": "models.migrations"}}
        known = list_migrations()
        goal = name if direction == "forward" else known[known.index(name) - 1]
        executor = StepExecutor(get_connection("default"), apps, self._reached)
        # A step that fails has changed them in part.
        self._reached = None
        self._reached = await executor.step(APP, goal, direction)


def list_migrations() -> list[str]:
    """Returns the names of the migrations of this release, in order."""
    modules = pkgutil.iter_modules(migrations.__path__)
    return sorted(module.name for module in modules if module.name[0].isdigit())


async def read_migration_state() -> MigrationState:
    """Compares the open database with this release; raises what the database raises."""
    known, applied = list_migrations(), await read_applied_migrations()
    pending = [name for name in known if name not in applied]
    return MigrationState(pending, [name for name in applied if name not in known])


async def log_migrations(said: set[str] | None = None) -> None:
    """Logs in which way the open database differs from this release, if it does.

    A difference that is in `said` is not logged again; others are added to it.
    """
    difference = (await read_migration_state()).describe()
    if difference and difference not in (said or ()):
        logger.warning("The database %s.", difference)
        if said is not None:
            said.add(difference)


async def read_applied_migrations() -> list[str]:
    """Returns the names of the migrations that the open database has."""
    if await _STATEMENTS["find_table"].row() is None:
        return []
    return [str(row["name"]) for row in await _STATEMENTS["applied"].rows()]


async def migrate_open_database(
    say: Callable[[str], None], target: str | None = None
) -> None:
    """Brings the open database of PostgreSQL to a migration, by default the newest, step by step.

    Raises LocksHeld when someone holds the locks that a migration needs for minutes.
    """
    if target is not None and target not in list_migrations():
        raise DatabaseUnusable(
            f"there is no migration {target}; the last is {list_migrations()[-1]}"
        )
    # A role that may only read and write has nothing to do in a database that is up to date.
    if await _next_step(target) is None:
        return
    async with _lead(say):
        steps = Steps()
        while await _migrate_one(steps, say, target):
            pass


@asynccontextmanager
async def _lead(say: Callable[[str], None]) -> AsyncIterator[None]:
    """Waits until no other process migrates, and keeps others waiting meanwhile.

    Each step has a transaction of its own, so that the lead is that of another connection: no
    lock of a session would do behind a pooler.
    """
    is_done = asyncio.Event()
    is_taken = asyncio.get_running_loop().create_future()
    # A task of its own, as transactions belong to their task.
    holder = asyncio.create_task(_hold_lead(say, is_taken, is_done))
    try:
        await asyncio.wait({holder, is_taken}, return_when=asyncio.FIRST_COMPLETED)
        if is_taken.done():
            yield
    finally:
        is_done.set()
        if not is_taken.done():
            # Interrupted while it waits.
            holder.cancel()
        await holder


async def _hold_lead(
    say: Callable[[str], None], is_taken: asyncio.Future[None], is_done: asyncio.Event
) -> None:
    async with in_transaction():
        await _set_locally(
            "statement_timeout = 0", "idle_in_transaction_session_timeout = 0"
        )
        await _take_lock(LEAD_KEY, say)
        is_taken.set_result(None)
        await is_done.wait()


async def _migrate_one(
    steps: Steps, say: Callable[[str], None], target: str | None
) -> bool:
    """Carries out the next migration, if there is one; returns whether there was."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _attempt(steps, say, target)
        except (LockNotAvailableError, DeadlockDetectedError):
            say(f"Its locks are held by others (attempt {attempt}). {await _blockers()}")
            await asyncio.sleep(min(0.25 * 2 ** min(attempt, 8), PAUSE_SECONDS))
    raise LocksHeld(
        f"the locks of the migration were held by others in all {ATTEMPTS} attempts"
    )


async def _attempt(steps: Steps, say: Callable[[str], None], target: str | None) -> bool:
    step = await _next_step(target)
    if step is None:
        return False
    await _fill(*step)
    async with in_transaction():
        await _take_lock(TURN_KEY, say)
        # Asked again, because another process may have made the step while this one waited.
        step = await _next_step(target)
        if step is None:
            return False
        name, direction = step
        say(
            f"{'Undoing' if direction == 'backward' else 'Applying'} {name}: {_summary(name)}"
        )
        # After the turn: the wait for it would count as the wait for a lock, and may be long.
        await _set_limits()
        await steps.carry_out(name, direction)
    return True


async def _fill(name: str, direction: str) -> None:
    """Carries out the batches of a migration, each in a transaction of its own."""
    if direction == "forward":
        for operation in load_migration(name).operations:
            if isinstance(operation, FillInBatches):
                await fill_in_batches(operation)


async def _next_step(target: str | None) -> tuple[str, str] | None:
    known, applied = list_migrations(), await read_applied_migrations()
    wanted = known if target is None else known[: known.index(target) + 1]
    superfluous = [name for name in known if name in applied and name not in wanted]
    if target is not None and superfluous:
        return superfluous[-1], "backward"
    pending = [name for name in wanted if name not in applied]
    return (pending[0], "forward") if pending else None


def _model_modules() -> list[str]:
    # By its name, because that module imports this one.
    found: list[str] = import_module("models.database.connection").MODULES
    return found


async def _take_lock(key: int, say: Callable[[str], None]) -> None:
    """Waits until no other process has a lock; it ends with the transaction."""
    row = await _STATEMENTS["try_lock"].one(key=key)
    if not row["is_taken"]:
        say("Another process migrates; waiting for it.")
        await _STATEMENTS["take_lock"].rows(key=key)


async def _set_limits() -> None:
    await _set_locally(
        f"lock_timeout = '{LOCK_MILLISECONDS}ms'",
        "statement_timeout = 0",
        "idle_in_transaction_session_timeout = 0",
    )


async def _set_locally(*settings: str) -> None:
    for setting in settings:
        await get_connection("default").execute_script(f"SET LOCAL {setting}")


async def _blockers() -> str:
    rows = await _STATEMENTS["blockers"].rows(key=LEAD_KEY)
    people = [
        f"process {row['pid']} of {row['usename']} "
        f"({row['application_name'] or 'unnamed'}, {row['state']}, for {row['duration']})"
        for row in rows
    ]
    return f"Open transactions: {'; '.join(people)}." if people else ""


def _summary(name: str) -> str:
    migration = load_migration(name)
    locks = ", ".join(f"{table} ({mode})" for table, mode in migration.locks.items())
    text = (migration.__doc__ or "").partition("\n")[0]
    return f"{text} It locks {locks or 'nothing that is in use'}."


class StatedMigration(Protocol):
    """A migration that says what it does, and which tables that are in use it locks how."""

    locks: ClassVar[dict[str, str]]
    operations: ClassVar[list[Operation]]


def load_migration(name: str) -> type[StatedMigration]:
    """Returns the class of a migration."""
    found: type[StatedMigration] = import_module(f"models.migrations.{name}").Migration
    return found
