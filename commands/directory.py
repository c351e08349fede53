"""The commands that import and export all divisions and users."""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from commands.administration import AdministrationRejected
from commands.database import on_database
from commands.directory_files import read_file, write_file
from commands.operator import current_operator
from commands.output import show
from models.directory.lines import DIVISIONS, USERS, Fault, describe_faults
from models.directory.plan import DirectoryPlan, Step, Verb
from models.directory.state import DivisionState, UserState, read_state
from models.directory.synchronize import Choices, Synchronized, synchronize

MAXIMUM_SHOWN = 1_000
"""The highest number of faults that are said in words; JSON has all of them."""


@on_database
async def import_directory(arguments: argparse.Namespace) -> None:
    """Makes the divisions and users those of two files, or says all that is wrong with them."""
    names = {DIVISIONS: arguments.divisions, USERS: arguments.users}
    files = {file: read_file(file, Path(name)) for file, name in names.items()}
    choices = Choices(arguments.dry_run, arguments.deactivate_missing, arguments.force)
    count = sum(map(len, files.values()))
    # To standard error, and only where that is a terminal.
    with tqdm(total=count, unit=" lines", disable=None, leave=False) as bar:
        done = await synchronize(
            files[DIVISIONS], files[USERS], current_operator(), choices, bar.update
        )
    report = _Report(names, done, is_dry=choices.is_dry)
    if arguments.has_json or not done.faults:
        show(arguments, report.values(), report.lines())
    if done.faults:
        # As JSON, the document has them.
        faults = [] if arguments.has_json else report.fault_lines()
        raise AdministrationRejected("\n".join([*faults, report.fault_count()]))


class _Report:
    """The report of an import, in words and as values."""

    def __init__(
        self, names: Mapping[str, str], done: Synchronized, *, is_dry: bool
    ) -> None:
        self._names = names
        self._done = done
        self._is_dry = is_dry

    @property
    def _plan(self) -> DirectoryPlan:
        return self._done.plan

    def values(self) -> dict[str, Any]:
        """Returns the report for JSON, with each line of both files."""
        return {
            "is_dry_run": self._is_dry,
            "is_changed": self._is_changed(),
            "counts": {DIVISIONS: self._count(DIVISIONS), USERS: self._count(USERS)},
            "lines": [self._step_values(file, step) for file, step in self._steps()],
            "erased": [line._asdict() for line in self._plan.erased],
            "faults": [fault._asdict() for fault in self._done.faults],
        }

    def _is_changed(self) -> bool:
        if self._done.faults or self._is_dry:
            return False
        return any(step.is_change for _, step in self._steps())

    def _step_values(self, file: str, step: Step[Any]) -> dict[str, Any]:
        before = step.before._asdict() if step.before else None
        return {
            "file": file,
            "line": step.line,
            "outcome": step.verbs,
            "before": before,
            "after": step.after._asdict(),
            "stranded_baskets": self._done.stranded.get(step.after.id, 0),
        }

    def _steps(self) -> Iterator[tuple[str, Step[DivisionState] | Step[UserState]]]:
        yield from ((DIVISIONS, step) for step in self._plan.divisions)
        yield from ((USERS, step) for step in self._plan.users)

    def _count(self, file: str) -> dict[str, int]:
        steps = [step for name, step in self._steps() if name == file]
        counted = Counter(verb for step in steps for verb in step.verbs)
        # Counted beside the steps, as nothing is compared of those whose data is gone.
        if file == USERS:
            counted[Verb.ERASED] += len(self._plan.erased)
        return {verb.value: counted[verb] for verb in Verb if counted[verb]}

    def lines(self) -> Iterator[str]:
        """Yields a sentence for each line that differs, and the counts."""
        for file, step in self._steps():
            if step.is_change:
                yield f"{self._place(file, step.line)}: {self._describe(step)}"
        for line in self._plan.erased:
            place = self._place(USERS, line.number)
            yield f"{place}: passed over {line.email}, whose data was erased"
        for file in (DIVISIONS, USERS):
            counts = ", ".join(f"{n} {verb}" for verb, n in self._count(file).items())
            yield f"{file.title()}: {counts or 'none'}."
        if self._is_dry:
            yield "This was a dry run: nothing was changed."

    def _place(self, file: str, line: int | None) -> str:
        name = self._names[file]
        return f"{name}, missing" if line is None else f"{name}, line {line}"

    def _describe(self, step: Step[Any]) -> str:
        key = step.after[1]
        if step.before is None:
            return f"added {key}"
        pairs = zip(step.after._fields, step.before, step.after, strict=True)
        parts = [
            f"{name} {_word(before)} → {_word(after)}"
            for name, before, after in pairs
            if before != after
        ]
        text = f"{' and '.join(step.verbs)} {key} ({', '.join(parts)})"
        count = self._done.stranded.get(step.after.id)
        if not count:
            return text
        noun = "basket has" if count == 1 else "baskets have"
        return f"{text}; {count} open {noun} items for divisions not theirs any more"

    def fault_lines(self) -> list[str]:
        """Returns the faults in words; of very many the first ones, and causes before the rest."""
        causes_first = sorted(self._done.faults, key=lambda fault: bool(fault.follows_from))
        shown = causes_first[:MAXIMUM_SHOWN]
        return [*describe_faults(sorted(shown, key=_order), self._names)]

    def fault_count(self) -> str:
        """Returns how many faults there are, and that nothing was changed."""
        count = len(self._done.faults)
        shown = f"; {MAXIMUM_SHOWN} are shown" if count > MAXIMUM_SHOWN else ""
        noun = "fault" if count == 1 else "faults"
        following = sum(fault.follows_from is not None for fault in self._done.faults)
        others = f", {following} of which follow from others" if following else ""
        return f"Nothing was changed: {count} {noun}{others}{shown}."


def _order(fault: Fault) -> tuple[str, int]:
    return fault.file, fault.line or 0


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


@on_database
async def export_directory(arguments: argparse.Namespace) -> None:
    """Writes the two files that an import reads."""
    state = await read_state()
    rows: dict[str, Sequence[Sequence[str]]] = {
        DIVISIONS: [_cells(each[1:]) for each in state.divisions.values()],
        USERS: [_cells(each[1:]) for each in state.users.users],
    }
    names = {DIVISIONS: arguments.divisions, USERS: arguments.users}
    for file, name in names.items():
        write_file(file, Path(name), rows[file])
    counts = {file: len(rows[file]) for file in names}
    text = (
        f"Wrote {counts[DIVISIONS]} divisions to {names[DIVISIONS]} "
        f"and {counts[USERS]} users to {names[USERS]}."
    )
    show(arguments, counts, text)


def _cells(values: Sequence[object]) -> list[str]:
    return ["" if value is None else _word(value) for value in values]
