"""Writing the plan of an import, and its entries of the audit, in the transaction of the caller."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from models.audit.record import AuditActor, Entry, find_changed, record_entries
from models.audit.tables import AuditAction
from models.database.statements import Row, Statement, load_statements
from models.directory.plan import DirectoryPlan, Step, Verb
from models.directory.state import DivisionState, UserState
from models.division import DivisionType

BATCH = 1_000
"""How many rows one statement writes."""

_STATEMENTS = load_statements(__file__)
_DIVISION_COLUMNS = ("ids", "erp_codes", "names", "types", "parents", "activities")
_USER_COLUMNS = ("ids", "emails", "first_names", "last_names", "divisions", "activities")

Item = TypeVar("Item")


async def lock_directory() -> None:
    """Keeps others from changing people until the end of the transaction."""
    await _STATEMENTS["lock"].rows()


async def write_plan(
    actor: AuditActor,
    plan: DirectoryPlan,
    advance: Callable[[int], object] = lambda count: None,
) -> None:
    """Writes the changes of a plan and records them; `advance` is called with their counts."""
    await _write_divisions(actor, [step for step in plan.divisions if step.is_change])
    changes = [step for step in plan.users if step.is_change]
    for part in _batches(changes):
        await _write_users(actor, part)
        advance(len(part))


async def find_stranded(plan: DirectoryPlan) -> Mapping[int, int]:
    """Counts the open baskets by user, of those who move away from divisions of their items."""
    moved = [
        (step.after.id, step.after.division)
        for step in plan.users
        if Verb.MOVED in step.verbs
    ]
    found: dict[int, int] = {}
    for part in _batches(moved):
        ids, divisions = map(list, zip(*part, strict=True))
        rows = await _STATEMENTS["find_stranded"].rows(
            moved=part, ids=ids, divisions=divisions
        )
        found |= {row["user_id"]: row["baskets"] for row in rows}
    return found


async def _write_divisions(actor: AuditActor, steps: Sequence[Step[DivisionState]]) -> None:
    new = [step for step in steps if step.before is None]
    ids: dict[str, int] = {}
    # The main divisions first: their rows are the parents of the others.
    for is_main in (True, False):
        part = [step for step in new if (step.after.parent is None) is is_main]
        for rows in _batches(list(map(_division_row, part))):
            added = await _run(_STATEMENTS["add_divisions"], _DIVISION_COLUMNS, rows)
            ids |= {row["erp_code"]: row["id"] for row in added}
    changed = [_division_row(step) for step in steps if step.before is not None]
    for rows in _batches(changed):
        await _run(_STATEMENTS["change_divisions"], _DIVISION_COLUMNS, rows)
    await record_entries(actor, (_division_entry(step, ids) for step in steps))


async def _write_users(actor: AuditActor, steps: Sequence[Step[UserState]]) -> None:
    new = [tuple(step.after) for step in steps if step.before is None]
    changed = [tuple(step.after) for step in steps if step.before is not None]
    ids: dict[str, int] = {}
    if new:
        added = await _run(_STATEMENTS["add_users"], _USER_COLUMNS, new)
        ids = {row["email"]: row["id"] for row in added}
    if changed:
        await _run(_STATEMENTS["change_users"], _USER_COLUMNS, changed)
    await record_entries(actor, (_user_entry(step, ids) for step in steps))


async def _run(
    statement: Statement, names: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> Sequence[Row]:
    """Runs a statement on rows: PostgreSQL takes an array per column, SQLite a list of lists."""
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return await statement.rows(rows=rows, **columns)


def _division_row(step: Step[DivisionState]) -> tuple[object, ...]:
    number, erp_code, name, parent, is_active = step.after
    type = DivisionType.SUB if parent else DivisionType.MAIN
    return (number, erp_code, name, type.value, parent, is_active)


def _division_entry(step: Step[DivisionState], ids: Mapping[str, int]) -> Entry:
    after = step.after._asdict()
    del after["id"]
    if step.before is None:
        number = ids[step.after.erp_code]
        return Entry(AuditAction.DIVISION_ADDED, division_id=number, after=after)
    changed = find_changed(step.before._asdict(), after)
    return Entry(AuditAction.DIVISION_CHANGED, None, step.before.id, *changed)


def _user_entry(step: Step[UserState], ids: Mapping[str, int]) -> Entry:
    after = step.after._asdict()
    del after["id"]
    if step.before is None:
        number = ids[step.after.email]
        return Entry(AuditAction.USER_ADDED, user_id=number, after=after)
    changed = find_changed(step.before._asdict(), after)
    return Entry(AuditAction.USER_CHANGED, step.before.id, None, *changed)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), BATCH):
        yield items[begin : begin + BATCH]
