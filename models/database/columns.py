"""The description of a table's columns, from which its reads and everything shown of it derive."""

from collections.abc import Mapping
from enum import Enum, auto

from tortoise import fields
from tortoise.fields.relational import RelationalField
from tortoise.models import Model


class ColumnKind(Enum):
    """How the values of a column are shown."""

    PLAIN = auto()
    MONEY = auto()
    BOOLEAN = auto()
    TIMESTAMP = auto()
    JSON = auto()


class Columns:
    """The columns of a table with their kinds: the model's own, less those that are never shown.

    Kinds that the model's field does not tell, such as money in a column of integers, are given by
    name.
    """

    def __init__(
        self, model: type[Model], hidden: tuple[str, ...] = (), **kinds: ColumnKind
    ) -> None:
        self.table = model._meta.db_table
        self.kinds: Mapping[str, ColumnKind] = {
            name: kinds.get(name, _kind_of_field(field))
            for name, field in model._meta.fields_map.items()
            if name not in hidden and not _is_relation(field)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.kinds)

    def select(self, alias: str, prefix: str = "") -> str:
        """Returns the columns as a list of a SELECT, each with its name; timestamps are texts."""
        return ", ".join(
            f"{_expression(f'{alias}.{name}', kind)} AS {prefix}{name}"
            for name, kind in self.kinds.items()
        )

    def json_object(self, alias: str) -> str:
        """Returns the columns as an object of SQLite; PostgreSQL has row_to_json for it."""
        pairs = ", ".join(f"'{name}', {alias}.{name}" for name in self.kinds)
        return f"json_object({pairs})"


def _is_relation(field: fields.Field[object]) -> bool:
    # Tortoise adds the column of a relation when it opens, which may be before the description.
    return isinstance(field, RelationalField) or field.reference is not None


def _kind_of_field(field: fields.Field[object]) -> ColumnKind:
    if isinstance(field, fields.BooleanField):
        return ColumnKind.BOOLEAN
    return (
        ColumnKind.TIMESTAMP
        if isinstance(field, fields.DatetimeField)
        else ColumnKind.PLAIN
    )


def _expression(column: str, kind: ColumnKind) -> str:
    # asyncpg needs longer to make timestamps than for all other columns together.
    return f"CAST({column} AS TEXT)" if kind is ColumnKind.TIMESTAMP else column
