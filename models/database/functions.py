"""Functions of PostgreSQL that migrations make from `.sql` files; SQLite has none."""

from pathlib import Path

from models.database.dialect import PostgresSQL


class CreateFunction(PostgresSQL):
    """Makes a function from the file of its name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"), f"DROP FUNCTION {path.stem}")


class DropFunction(PostgresSQL):
    """Drops a function that an earlier release called."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"DROP FUNCTION {path.stem}", path.read_text(encoding="utf-8"))
