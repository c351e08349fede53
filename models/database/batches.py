"""Filling new columns of many rows: by migrations, in batches that lock few rows for an instant."""

from pathlib import Path

from tortoise.transactions import in_transaction

from models.database.dialect import DialectSQL
from models.database.statements import SQLITE, load_statements

SIZE = 500
"""How many rows one batch fills."""


class FillInBatches(DialectSQL):
    """Fills columns by the statement `fill` of a file.

    On PostgreSQL `fill_in_batches` has filled them before the migration's own transaction begins,
    a batch per transaction: for SQLite, which one process has to itself, it is one statement.
    """

    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        self.fill = load_statements(str(path))["fill"]
        super().__init__(self.fill.sqlite, self.noop)


async def fill_in_batches(fill: FillInBatches) -> None:
    """Fills the rows of PostgreSQL, a batch per transaction; to begin again does no harm."""
    last: int | None = 0
    while last is not None:
        async with in_transaction():
            last = (await fill.fill.one(after=last, size=SIZE))["last"]
