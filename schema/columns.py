"""The fields of a type that are columns of a table: derived from both, by name."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import orjson

from models.database.columns import ColumnKind, Columns
from models.timestamps import format_timestamp
from schema.scalars import JSON


def parse_stored_json(text: str) -> JSON:
    """Parses JSON of the database."""
    return JSON(orjson.loads(text))


def _timestamp(value: str | None) -> str | None:
    return None if value is None else format_timestamp(value)


_VALUES: Mapping[ColumnKind, Callable[[Any], Any]] = {
    # SQLite has numbers for true and false.
    ColumnKind.BOOLEAN: bool,
    ColumnKind.TIMESTAMP: _timestamp,
    ColumnKind.JSON: parse_stored_json,
}
"""By kind of column, the function from the database's value to the field's; others are equal."""


def column_fields(
    graphql_type: type[Any], columns: Columns, computed: tuple[str, ...] = ()
) -> dict[str, ColumnKind]:
    """Returns the kinds of the columns that a type shows, by the names of its fields.

    Raises TypeError, at import, for a field that is neither a column nor among the computed ones.
    """
    names = {field.name for field in fields(graphql_type) if field.init} - set(computed)
    if strange := names - columns.kinds.keys():
        raise TypeError(
            f"{graphql_type.__name__} has the fields {', '.join(sorted(strange))}, "
            f"which are no columns of {columns.table}."
        )
    return {name: kind for name, kind in columns.kinds.items() if name in names}


def field_reader(kinds: Mapping[str, ColumnKind]) -> Callable[[Any], dict[str, Any]]:
    """Returns the function from columns to the values of fields, by name."""
    converted = [(name, _VALUES[kind]) for name, kind in kinds.items() if kind in _VALUES]
    plain = [name for name, kind in kinds.items() if kind not in _VALUES]

    def read(columns: Any) -> dict[str, Any]:
        values = {name: columns[name] for name in plain}
        for name, convert in converted:
            values[name] = convert(columns[name])
        return values

    return read
