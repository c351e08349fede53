"""SQL written once and run on PostgreSQL and SQLite."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NewType, Protocol, cast

import orjson
from tortoise.backends.sqlite.client import SqliteClient
from tortoise.connection import get_connection
from tortoise.context import require_context

from models.database.postgres.client import PostgresClient

_RECORDS = re.compile(r"jsonb_to_recordset\(\$(\d+)::jsonb\) AS (\w+)\(([^)]*)\)")

_WORDS = {
    "FOR UPDATE": "",
    "FOR NO KEY UPDATE": "",
    "json_build_array(": "json_array(",
    "json_agg(json_array(": "json_group_array(json_array(",
    "string_agg(": "group_concat(",
}
"""What PostgreSQL says, and what SQLite says instead; in this order."""

Moment = NewType("Moment", str)
"""A moment in ISO 8601, always with microseconds and the offset: what is read often is never more than this text."""


class Row(Protocol):
    """One row of an answer, by position or by name."""

    def __getitem__(self, key: int | str | slice) -> Any: ...


def _record_columns(match: re.Match[str]) -> str:
    number, alias, columns = match.groups()
    names = [column.split()[0] for column in columns.split(",")]
    extracts = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return f"(SELECT {extracts} FROM json_each(?{number})) AS {alias}"


def _for_sqlite(text: str) -> str:
    text = _RECORDS.sub(_record_columns, text)
    text = re.sub(
        r"= ANY\(\$(\d+)::\w+\[\]\)", r"IN (SELECT value FROM json_each(?\1))", text
    )
    for ours, theirs in _WORDS.items():
        text = text.replace(ours, theirs)
    text = re.sub(r"::text\b(?!\[)", "", text)
    return re.sub(r"\$(\d+)", r"?\1", text)


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    return orjson.dumps(value).decode() if isinstance(value, list) else value


class Statement:
    """A parametrised SQL text in PostgreSQL's words, translated once for SQLite.

    What differs is translated: `$1`; `= ANY($1::bigint[])` with a list; `jsonb_to_recordset($1::jsonb) AS
    line(a int, ...)` with the JSON text of a list of objects; the functions in `_WORDS`; `::text`, because in SQLite
    moments and JSON are texts; and FOR UPDATE, which it does not need, because there a transaction has the whole
    database to itself.
    """

    def __init__(self, text: str) -> None:
        self.postgres = text
        self.sqlite = _for_sqlite(text)

    async def rows(self, *values: Any) -> Sequence[Row]:
        """Runs the statement in the current transaction, if there is one, and returns what it selects or returns."""
        connection = require_context().connections.get("default")
        if isinstance(connection, SqliteClient):
            _, rows = await connection.execute_query(
                self.sqlite, [_sqlite_value(value) for value in values]
            )
            return cast(Sequence[Row], rows)
        if isinstance(connection, PostgresClient) and connection._pool is not None:
            found: Sequence[Row] = await connection._pool.rows(self.postgres, *values)
            return found
        # Tortoise's execute_query drops the rows of INSERT and UPDATE … RETURNING; asyncpg's own fetch does not.
        async with connection.acquire_connection() as asyncpg_connection:
            records: Sequence[Row] = await asyncpg_connection.fetch(self.postgres, *values)
        return records

    async def row(self, *values: Any) -> Row | None:
        """Runs the statement and returns the first row, or None when there is none."""
        rows = await self.rows(*values)
        return rows[0] if rows else None


def is_sqlite() -> bool:
    """Tells whether the database is SQLite, which has no lists and changes only one table in a statement."""
    return isinstance(get_connection("default"), SqliteClient)


def moment(value: datetime | str) -> datetime:
    """Reads a timestamp as either database returns it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@lru_cache(4_096)
def moment_text(value: datetime | str) -> Moment:
    """Writes a timestamp, as either database returns it, as we send it."""
    return Moment(moment(value).isoformat(timespec="microseconds"))


def now() -> datetime:
    """Returns the present moment, in UTC."""
    return datetime.now(UTC)
