"""The lines of the two files: their columns, and the faults of single lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from models.person import InvalidText, accept_email, accept_text
from text import quote, trim

DIVISIONS = "divisions"
USERS = "users"

ERP_CODE, NAME, PARENT, ACTIVE = "erp_code", "name", "parent_erp_code", "active"
EMAIL, FIRST_NAME, LAST_NAME, DIVISION = (
    *("email", "first_name", "last_name"),
    "division_erp_code",
)
COLUMNS: Mapping[str, Sequence[str]] = {
    DIVISIONS: (ERP_CODE, NAME, PARENT, ACTIVE),
    USERS: (EMAIL, FIRST_NAME, LAST_NAME, DIVISION, ACTIVE),
}
"""The columns of each file, in the order in which they are exported; any order is read."""
OPTIONAL = {ACTIVE}
"""The columns that a file may lack: nobody is then activated or deactivated by a line."""

_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class FileLine(NamedTuple):
    """A line as it is in its file: its number, its cells by column, and one beyond the columns."""

    number: int
    cells: Mapping[str, str]
    beyond: str | None = None


class Fault(NamedTuple):
    """A reason against the import: the file, and where the line, the column and the value.

    `follows_from` is the line of the file of divisions from whose faults it follows, if any.
    """

    file: str
    line: int | None
    column: str | None
    value: str | None
    reason: str
    follows_from: int | None = None


class DivisionLine(NamedTuple):
    """A division as its line names it; `is_active` is None where the file does not tell."""

    number: int
    erp_code: str
    name: str
    parent: str | None
    is_active: bool | None


class UserLine(NamedTuple):
    """A user as their line names them; `is_active` is None where the file does not tell."""

    number: int
    email: str
    first_name: str
    last_name: str
    division: str
    is_active: bool | None


Line = TypeVar("Line", DivisionLine, UserLine)
Value = TypeVar("Value")


class ReadLines(NamedTuple, Generic[Line]):
    """The lines without a fault of their own, and the faults of the others.

    `faulty` has the numbers of the others by their keys, where these can be read.
    """

    lines: list[Line]
    faults: list[Fault]
    faulty: dict[str, int]


def read_division_lines(lines: Sequence[FileLine]) -> ReadLines[DivisionLine]:
    """Reads the lines of the file of divisions."""

    def read(line: "_Cells") -> DivisionLine:
        return DivisionLine(
            line.number,
            line.text(ERP_CODE, "ERP code"),
            line.text(NAME, "name"),
            line.optional_text(PARENT, "ERP code"),
            line.truth(ACTIVE),
        )

    return _read_all(DIVISIONS, lines, read, lambda line: line.erp_code, ERP_CODE)


def read_user_lines(lines: Sequence[FileLine]) -> ReadLines[UserLine]:
    """Reads the lines of the file of users."""

    def read(line: "_Cells") -> UserLine:
        return UserLine(
            line.number,
            line.email(EMAIL),
            line.text(FIRST_NAME, "first name"),
            line.text(LAST_NAME, "last name"),
            line.text(DIVISION, "ERP code"),
            line.truth(ACTIVE),
        )

    return _read_all(USERS, lines, read, lambda line: line.email.lower(), EMAIL)


def _read_all(
    file: str,
    lines: Sequence[FileLine],
    read: Callable[["_Cells"], Line],
    key: Callable[[Line], str],
    key_column: str,
) -> ReadLines[Line]:
    found: ReadLines[Line] = ReadLines([], [], {})
    first: dict[str, int] = {}
    for line in lines:
        cells = _Cells(file, line)
        record = read(cells)
        # Blank where that cell has a fault itself; with other faults the line is still the second.
        name = key(record)
        number = first.setdefault(name, line.number) if name else line.number
        if number != line.number:
            cells.add(key_column, f"is in line {number} already")
        if cells.faults:
            found.faults.extend(cells.faults)
            if name and number == line.number:
                found.faulty[name] = number
        else:
            found.lines.append(record)
    return found


class _Cells:
    """The cells of a line, as they are read; all faults of them are noted."""

    def __init__(self, file: str, line: FileLine) -> None:
        self.number = line.number
        self.faults: list[Fault] = []
        self._file = file
        self._cells = line.cells
        if line.beyond is not None:
            # All cells may be in other columns than they were meant for.
            reason = (
                "it is in no column; put cells that hold the delimiter into quotation marks"
            )
            self.faults.append(Fault(file, line.number, None, line.beyond, reason))

    def add(self, column: str, reason: str) -> None:
        """Notes a reason against a cell."""
        value = self._cells.get(column, "")
        self.faults.append(Fault(self._file, self.number, column, value, reason))

    def text(self, column: str, name: str) -> str:
        """Returns a text that must be there."""
        return self._checked(column, lambda cell: accept_text(cell, name), "")

    def optional_text(self, column: str, name: str) -> str | None:
        """Returns a text, None for an empty cell."""
        return self.text(column, name) if trim(self._cells.get(column, "")) else None

    def email(self, column: str) -> str:
        """Returns an e-mail address."""
        return self._checked(column, accept_email, "")

    def truth(self, column: str) -> bool | None:
        """Returns yes or no, None where the file has no such column."""
        if column not in self._cells:
            return None
        word = trim(self._cells[column]).casefold()
        # An empty cell could mean either, and one of the two keeps somebody out.
        if word not in _TRUTHS:
            self.add(column, f"is one of {', '.join(_TRUTHS)}")
        return _TRUTHS.get(word)

    def _checked(self, column: str, check: Callable[[str], Value], none: Value) -> Value:
        try:
            return check(self._cells.get(column, ""))
        except InvalidText as flaw:
            self.add(column, str(flaw))
            return none


def describe_faults(faults: Sequence[Fault], names: Mapping[str, str]) -> Iterator[str]:
    """Yields faults in words, with the names of the files."""
    for file, line, column, value, reason, _ in faults:
        place = names[file] if line is None else f"{names[file]}, line {line}"
        words = [word for word in (column, value is not None and quote(value)) if word]
        cell = f", {' '.join(words)}" if words else ""
        yield f"{place}{cell}: {reason.rstrip('.')}."
