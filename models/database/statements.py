"""Statements that are kept in `.sql` files, beside the modules that run them.

A line `-- name: lock_active` begins a statement; the comment lines below it describe it. Where the
databases differ there are two, `-- name: add_items (postgres)` and `-- name: add_items (sqlite)`.
A word such as `:user_id` is a parameter; psql knows it as a variable, so a statement can be pasted
there after `\\set user_id 1`.
"""

import re
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson
from tortoise.backends.sqlite.client import SqliteClient

from models.database.postgres.client import PostgresClient
from models.database.tortoise_internals import current_client

POSTGRES, SQLITE = "postgres", "sqlite"

_HEADER = re.compile(r"^-- name: (\w+)(?: \((postgres|sqlite)\))?\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
# Two colons are a cast; a colon after a word is a slice, or the key of an object in a text.
_VARIABLE = re.compile(r"(?<![:\w\"]):([a-z_]\w*)")


class Row(Protocol):
    """One row of a result, by position or by name."""

    def __getitem__(self, key: int | str | slice) -> Any: ...


def is_sqlite() -> bool:
    """Whether the open database is SQLite, which has no arrays and locks no single rows."""
    return current_client().capabilities.dialect == SQLITE


class Statement:
    """A statement with named parameters, in the words of each database."""

    def __init__(self, name: str, texts: Mapping[str, str]) -> None:
        self.name = name
        self.postgres, self._postgres_names = _numbered(texts.get(POSTGRES, ""), "$")
        self.sqlite, self._sqlite_names = _numbered(texts.get(SQLITE, ""), "?")

    def rows(self, **values: object) -> Coroutine[Any, Any, Sequence[Row]]:
        """Runs the statement in the current transaction, if there is one, and returns its rows."""
        return self._run(values)

    async def row(self, **values: object) -> Row | None:
        """Runs the statement and returns its first row; None when there is none."""
        rows = await self._run(values)
        return rows[0] if rows else None

    async def one(self, **values: object) -> Row:
        """Runs a statement that always gives a row and returns it, or raises RuntimeError."""
        rows = await self._run(values)
        if not rows:
            raise RuntimeError(f"The statement {self.name} returned no row.")
        return rows[0]

    async def _run(self, values: Mapping[str, object]) -> Sequence[Row]:
        rows: Sequence[Row]
        client: Any = current_client()
        # Inside a transaction the client is of another class, with one connection and no pool.
        if isinstance(client, PostgresClient) and client.pool is not None:
            arguments = [values[name] for name in self._postgres_names]
            rows = await client.pool.rows(self.postgres, arguments)
        elif isinstance(client, SqliteClient):
            arguments = [_sqlite_value(values[name]) for name in self._sqlite_names]
            _, rows = await client.execute_query(self.sqlite, arguments)
        else:
            arguments = [values[name] for name in self._postgres_names]
            # Tortoise's execute_query drops the rows that INSERT and UPDATE … RETURNING give.
            async with client.acquire_connection() as connection:
                rows = await connection.fetch(self.postgres, *arguments)
        return rows


def load_statements(module: str, **texts: object) -> dict[str, Statement]:
    """Reads the `.sql` file beside a module, given by its `__file__`.

    Variables that `texts` names are pieces of the text itself, such as a list of columns or a
    limit; all others are parameters.
    """
    source = Path(module).with_suffix(".sql").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    _, *parts = _HEADER.split(source)
    # The header has two groups, so that split returns name, dialect and text by turns.
    for name, dialect, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        body = _with_texts(_COMMENT.sub("", text).strip().rstrip(";"), texts)
        for each in (dialect,) if dialect else (POSTGRES, SQLITE):
            found.setdefault(name, {})[each] = body
    return {name: Statement(name, bodies) for name, bodies in found.items()}


def _with_texts(text: str, texts: Mapping[str, object]) -> str:
    return _VARIABLE.sub(lambda match: str(texts.get(match[1], match[0])), text)


def _numbered(text: str, sign: str) -> tuple[str, list[str]]:
    """Writes parameters as the database numbers them; returns the text and their names in order."""
    names = list(dict.fromkeys(_VARIABLE.findall(text)))
    return _VARIABLE.sub(lambda match: f"{sign}{names.index(match[1]) + 1}", text), names


def _sqlite_value(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, list | tuple) else value
