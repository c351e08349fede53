"""Divisions: the stores of a company, for which baskets are filled."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.models import Model

from models.database.statement import Row, Statement


class DivisionType(StrEnum):
    """Whether a division stands by itself or below a main one."""

    MAIN = "MAIN"
    SUB = "SUB"


class Division(Model):
    """A division's row."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=255)
    erp_code = fields.CharField(max_length=255, unique=True)
    type = fields.CharEnumField(DivisionType, max_length=4)
    parent: fields.ForeignKeyNullableRelation["Division"] = fields.ForeignKeyField(
        "models.Division",
        related_name="sub_divisions",
        null=True,
        on_delete=fields.RESTRICT,
    )
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "division"
        indexes = (("parent_id",),)


class DivisionRead(NamedTuple):
    """A division as it is read: the row, and the row of its parent where it has one."""

    id: int
    name: str
    erp_code: str
    type: DivisionType
    is_active: bool
    parent: "DivisionRead | None"


DIVISION_COLUMNS = (
    "d.id, d.name, d.erp_code, d.type, d.is_active, m.id, m.name, m.erp_code, m.is_active"
)


def division_of(row: Row | Sequence[Any], first: int = 0) -> DivisionRead:
    """Reads DIVISION_COLUMNS, which begin at the column `first`."""
    parent = None
    if row[first + 5] is not None:
        # Only a main division has sub-divisions, so a parent's type and parent need not be read.
        parent = DivisionRead(
            row[first + 5],
            row[first + 6],
            row[first + 7],
            DivisionType.MAIN,
            bool(row[first + 8]),
            None,
        )
    kind = DivisionType(row[first + 3])
    return DivisionRead(
        row[first], row[first + 1], row[first + 2], kind, bool(row[first + 4]), parent
    )


_NAMED = Statement(
    f"SELECT {DIVISION_COLUMNS} FROM division d LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE d.id = ANY($1::int[]) OR d.erp_code = ANY($2::text[])"
)
_WITHIN = Statement(
    f"SELECT {DIVISION_COLUMNS} FROM division d LEFT JOIN division m ON m.id = d.parent_id "
    "WHERE d.id = $1 OR d.parent_id = $1 ORDER BY d.parent_id IS NOT NULL, d.name, d.id"
)


async def divisions_named(
    ids: Collection[int], erp_codes: Collection[str]
) -> Sequence[DivisionRead]:
    """Reads the divisions that have one of these ids or ERP codes; unknown ones are absent."""
    return [division_of(row) for row in await _NAMED.rows(list(ids), list(erp_codes))]


async def divisions_within(division_id: int) -> Sequence[DivisionRead]:
    """Reads a division and its sub-divisions: itself first, then by name."""
    return [division_of(row) for row in await _WITHIN.rows(division_id)]
