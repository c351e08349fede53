"""The two files of an import of the directory, and the commands that read and write them."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tests.support.command_line import CommandLine

DIVISIONS = "erp_code,name,parent_erp_code,active\n"
USERS = "email,first_name,last_name,division_erp_code,active\n"


class Directory:
    """The two files, and a command line that imports them."""

    def __init__(self, line: CommandLine, folder: Path) -> None:
        self.line = line
        self.divisions = folder / "divisions.csv"
        self.users = folder / "users.csv"

    def command(self, *options: str) -> list[str]:
        """Returns the words of the import."""
        return ["directory", "import", str(self.divisions), str(self.users), *options]

    def write(self, divisions: Sequence[str], users: Sequence[str]) -> None:
        """Writes the files, with headers."""
        self.divisions.write_text(DIVISIONS + "".join(f"{line}\n" for line in divisions))
        self.users.write_text(USERS + "".join(f"{line}\n" for line in users))

    def write_rows(
        self, divisions: Sequence[Sequence[str]], users: Sequence[Sequence[str]]
    ) -> None:
        """Writes the files, with headers, from cells of any text."""
        files = ((self.divisions, DIVISIONS, divisions), (self.users, USERS, users))
        for path, header, rows in files:
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([header.strip().split(","), *rows])

    def load(
        self, divisions: Sequence[str], users: Sequence[str], *options: str
    ) -> list[str]:
        """Imports lines, which must succeed, and returns the lines of the report."""
        self.write(divisions, users)
        return self.again(*options)

    def again(self, *options: str) -> list[str]:
        """Imports the files as they are."""
        return self.line.accepted(*self.command(*options)).splitlines()

    def rejected(
        self, divisions: Sequence[str], users: Sequence[str], *options: str
    ) -> list[str]:
        """Imports lines that must be rejected, changing nothing; returns the faults."""
        before = self.content()
        self.write(divisions, users)
        status, output, errors = self.line.run(*self.command(*options))
        assert (status, output) == (2, ""), errors
        assert self.content() == before
        *faults, count = errors.splitlines()
        assert count.startswith(f"Nothing was changed: {len(faults)} fault")
        return faults

    def content(self) -> tuple[str, str, str]:
        """Returns all divisions, users and audited changes."""
        commands = (("division", "list"), ("user", "list"), ("audit",))
        divisions, users, audit = (
            self.line.accepted(*words, "--json") for words in commands
        )
        return divisions, users, audit
