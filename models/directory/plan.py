"""Comparing the lines of the files with the database: the changes to make, or the faults."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from enum import StrEnum, auto
from typing import Generic, NamedTuple, TypeVar

from models.directory.lines import (
    DIVISION,
    DIVISIONS,
    EMAIL,
    ERP_CODE,
    PARENT,
    USERS,
    DivisionLine,
    Fault,
    ReadLines,
    UserLine,
)
from models.directory.state import DirectoryState, DivisionState, UserState
from models.identity import hash_email

_ANYWHERE = ", neither in the files nor in the database"
_UNKNOWN = f"there is no such division{_ANYWHERE}"

State = TypeVar("State", DivisionState, UserState)


class Verb(StrEnum):
    """The ways in which a line differs from the database."""

    ADDED = auto()
    CHANGED = auto()
    MOVED = auto()
    ACTIVATED = auto()
    DEACTIVATED = auto()
    UNCHANGED = auto()
    ERASED = auto()
    """The line is of someone whose data was erased, and is passed over."""


class Step(NamedTuple, Generic[State]):
    """A division or user before and after the import; without a line it is in neither file."""

    line: int | None
    before: State | None
    after: State

    @property
    def verbs(self) -> Sequence[Verb]:
        """Returns the ways in which it differs; exactly one where it is new or unchanged."""
        before, after = self.before, self.after
        if before is None:
            return [Verb.ADDED]
        # The place of a user or division is the last but one, its activity the last.
        is_changed, is_moved = before[:-2] != after[:-2], before[-2] != after[-2]
        verbs = [Verb.CHANGED] if is_changed else []
        verbs += [Verb.MOVED] if is_moved else []
        if before.is_active != after.is_active:
            verbs.append(Verb.ACTIVATED if after.is_active else Verb.DEACTIVATED)
        return verbs or [Verb.UNCHANGED]

    @property
    def is_change(self) -> bool:
        """Whether there is something to write."""
        return self.before != self.after


class DirectoryPlan(NamedTuple):
    """The steps of an import, the lines of erased people, and the faults that forbid it."""

    divisions: list[Step[DivisionState]]
    users: list[Step[UserState]]
    erased: list[UserLine]
    faults: list[Fault]


def make_plan(
    state: DirectoryState,
    divisions: ReadLines[DivisionLine],
    users: ReadLines[UserLine],
    *,
    deactivates_missing: bool,
    advance: Callable[[int], object] = lambda count: None,
) -> DirectoryPlan:
    """Compares the lines with the database; `advance` is called for each line.

    The faults are those of the lines themselves, and those of their comparison.
    """
    plan = DirectoryPlan([], [], [], [])
    for line in divisions.lines:
        plan.divisions.append(_division_step(state.divisions.get(line.erp_code), line))
        advance(1)
    # Before the users: someone may be in a division that is deactivated with them.
    if deactivates_missing:
        plan.divisions.extend(
            _missing(state.divisions.values(), _divisions_in_file(state, divisions))
        )
    after = dict(state.divisions) | {
        step.after.erp_code: step.after for step in plan.divisions
    }
    plan.faults.extend(_tree_faults(after, divisions, state.divisions))
    claimed: dict[int | None, int] = {}
    for user in users.lines:
        if user.division in after:
            _plan_user(plan, state, user, claimed)
        else:
            fault = Fault(USERS, user.number, DIVISION, user.division, _UNKNOWN)
            plan.faults.append(_trace(fault, divisions.faulty.get(user.division)))
        advance(1)
    if deactivates_missing:
        plan.users.extend(_missing(state.users.users, _users_in_file(state, users)))
    plan.faults.extend(divisions.faults + users.faults)
    return plan


def _division_step(before: DivisionState | None, line: DivisionLine) -> Step[DivisionState]:
    is_active = before.is_active if before else True
    if line.is_active is not None:
        is_active = line.is_active
    number = before.id if before else None
    after = DivisionState(number, line.erp_code, line.name, line.parent, is_active)
    return Step(line.number, before, after)


def _plan_user(
    plan: DirectoryPlan,
    state: DirectoryState,
    line: UserLine,
    claimed: dict[int | None, int],
) -> None:
    """Adds the step of a user's line to a plan, or its fault; `claimed` has lines by user."""
    found = state.users.find(line.email)
    if len(found) > 1:
        emails = " and ".join(user.email for user in found)
        reason = f"it may be {emails}; write it as one of them"
        plan.faults.append(Fault(USERS, line.number, EMAIL, line.email, reason))
    elif not found and hash_email(line.email) in state.erased:
        plan.erased.append(line)
    elif found and (other := claimed.setdefault(found[0].id, line.number)) != line.number:
        # Such as with "ſ" for "s": the lines differ, and the user is one.
        reason = f"it is that of line {other}"
        plan.faults.append(Fault(USERS, line.number, EMAIL, line.email, reason))
    else:
        plan.users.append(_user_step(found[0] if found else None, line))


def _user_step(before: UserState | None, line: UserLine) -> Step[UserState]:
    is_active = before.is_active if before else True
    if line.is_active is not None:
        is_active = line.is_active
    names = (line.email, line.first_name, line.last_name)
    after = UserState(before.id if before else None, *names, line.division, is_active)
    return Step(line.number, before, after)


def _divisions_in_file(
    state: DirectoryState, divisions: ReadLines[DivisionLine]
) -> set[int | None]:
    """Returns the ids of the divisions that have a line, with or without faults."""
    erp_codes = [*(line.erp_code for line in divisions.lines), *divisions.faulty]
    return {state.divisions[each].id for each in erp_codes if each in state.divisions}


def _users_in_file(state: DirectoryState, users: ReadLines[UserLine]) -> set[int | None]:
    """Returns the ids of the users that have a line, with or without faults."""
    emails = [*(line.email for line in users.lines), *users.faulty]
    return {user.id for email in emails for user in state.users.find(email)}


def _missing(all: Iterable[State], in_file: Container[int | None]) -> list[Step[State]]:
    """Returns the steps that deactivate those that are active and in no line."""
    return [
        Step(None, each, each._replace(is_active=False))
        for each in all
        if each.is_active and each.id not in in_file
    ]


def _trace(fault: Fault, number: int | None) -> Fault:
    """Returns a fault as following from those of a line of the divisions, if there is a number."""
    if number is None:
        return fault
    line = f"line {number} of the divisions, which has faults of its own"
    reason = f"{fault.reason.removesuffix(_ANYWHERE)}, unless {line}, says otherwise"
    return fault._replace(reason=reason, follows_from=number)


def _tree_faults(
    after: Mapping[str, DivisionState],
    divisions: ReadLines[DivisionLine],
    before: Mapping[str, DivisionState],
) -> Iterable[Fault]:
    """Yields the lines that would make a sub-division without a main division above it.

    The tree is judged as it would be after the import, so that a main division and a division
    below it may change places.
    """
    named = {line.erp_code: line for line in divisions.lines}
    for line in divisions.lines:
        if line.parent is not None and (reason := _parent_fault(after, line)):
            fault = Fault(DIVISIONS, line.number, PARENT, line.parent, reason)
            yield _trace(fault, divisions.faulty.get(line.parent))
    for division in before.values():
        # Only those in no line: of the others, the lines have told.
        parent = named.get(division.parent or "")
        if division.erp_code in named or parent is None or parent.parent is None:
            continue
        reason = f"it has the sub-division {division.erp_code}, and would be one itself"
        fault = Fault(DIVISIONS, parent.number, ERP_CODE, parent.erp_code, reason)
        yield _trace(fault, divisions.faulty.get(division.erp_code))


def _parent_fault(after: Mapping[str, DivisionState], line: DivisionLine) -> str | None:
    if line.parent == line.erp_code:
        return "a division is not its own parent"
    parent = after.get(line.parent or "")
    if parent is None:
        return _UNKNOWN
    if parent.parent is not None:
        return "it is a sub-division, below which there are no divisions"
    return None
