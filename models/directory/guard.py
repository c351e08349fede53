"""The guard of `--deactivate-missing`: a file that was cut off must not keep everybody out."""

from collections.abc import Iterable, Sequence

from models.directory.lines import DIVISIONS, USERS, Fault
from models.directory.plan import DirectoryPlan, Step
from models.directory.state import DirectoryState, DivisionState, UserState

HIGHEST_SHARE = 0.2
"""The share of the active users, or divisions, that may be missing at once."""


def find_excesses(plan: DirectoryPlan, state: DirectoryState) -> list[Fault]:
    """Returns a fault for each file in which too many are missing."""
    divisions, users = state.divisions.values(), state.users.users
    return [
        *_excess(DIVISIONS, _count_missing(plan.divisions), divisions),
        *_excess(USERS, _count_missing(plan.users), users),
    ]


def _count_missing(steps: Sequence[Step[DivisionState]] | Sequence[Step[UserState]]) -> int:
    return sum(step.line is None for step in steps)


def _excess(
    file: str, missing: int, all: Iterable[DivisionState | UserState]
) -> Iterable[Fault]:
    active = sum(each.is_active for each in all)
    # One leaver of a small company is no excess, unless nobody would be left.
    if missing and (missing == active or missing > max(1, active * HIGHEST_SHARE)):
        reason = (
            f"{missing} of the {active} active {file} are missing in the file and would be "
            f"deactivated, more than {HIGHEST_SHARE:.0%}; if that is right, add --force"
        )
        yield Fault(file, None, None, None, reason)
