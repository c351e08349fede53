"""Functions of PostgreSQL that migrations make from `.sql` files; SQLite has none."""

from pathlib import Path

from models.database.dialect import PostgresSQL


class CreateFunction(PostgresSQL):
    """Makes a function from the file of its name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"), f"DROP FUNCTION {path.stem}")


class ReplaceFunction(PostgresSQL):
    """Makes a function anew, which gives the same as before but in less time.

    It keeps its name, so servers of the release before call it too. It stays when it is undone.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"), "SELECT 1")


class DropFunction(PostgresSQL):
    """Drops a function that an earlier release called."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"DROP FUNCTION {path.stem}", path.read_text(encoding="utf-8"))
