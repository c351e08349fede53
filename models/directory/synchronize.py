"""One import of the directory, in one transaction: read, compare, and write or change nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tortoise.transactions import in_transaction

from models.audit.record import AuditActor
from models.directory.guard import find_excesses
from models.directory.lines import Fault, FileLine, read_division_lines, read_user_lines
from models.directory.plan import DirectoryPlan, make_plan
from models.directory.state import read_state
from models.directory.write import find_stranded, lock_directory, write_plan


class Choices(NamedTuple):
    """The options of an import."""

    is_dry: bool
    deactivates_missing: bool
    is_forced: bool


class Synchronized(NamedTuple):
    """The plan of an import, with its faults, which was carried out unless there are any.

    `stranded` counts, by user who moves, the open baskets with items for other divisions.
    """

    plan: DirectoryPlan
    stranded: Mapping[int, int]

    @property
    def faults(self) -> Sequence[Fault]:
        """The reasons against the import."""
        return self.plan.faults


async def synchronize(
    divisions: Sequence[FileLine],
    users: Sequence[FileLine],
    actor: AuditActor,
    choices: Choices,
    advance: Callable[[int], object],
) -> Synchronized:
    """Makes the divisions and users those of the lines, unless there is a fault or it is dry."""
    lines = read_division_lines(divisions), read_user_lines(users)
    async with in_transaction():
        # A dry run keeps nobody waiting; what it says may be outdated a moment later.
        if not choices.is_dry:
            await lock_directory()
        state = await read_state()
        plan = make_plan(
            state,
            *lines,
            deactivates_missing=choices.deactivates_missing,
            advance=advance,
        )
        if choices.deactivates_missing and not choices.is_forced:
            plan.faults.extend(find_excesses(plan, state))
        stranded = await find_stranded(plan)
        if not plan.faults and not choices.is_dry:
            await write_plan(actor, plan, advance)
    return Synchronized(plan, stranded)
