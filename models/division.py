"""Divisions: the stores of a company, for which baskets are filled."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from tortoise import fields

from models.database.columns import Columns
from models.database.statements import Row, load_statements
from models.database.table import Table


class DivisionType(StrEnum):
    """Whether a division stands by itself or below a main one."""

    MAIN = "MAIN"
    SUB = "SUB"


class Division(Table):
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


DIVISION = Columns(Division)
"""The columns that are read of a division."""

DIVISION_COLUMNS = DIVISION.select("d", "division_")
PARENT_COLUMNS = DIVISION.select("m", "parent_")
"""The columns of a division, and of its parent beside it, as lists of a SELECT."""


class DivisionRead(NamedTuple):
    """A division as it is read: the row, and the row of its parent where it has one."""

    id: int
    name: str
    erp_code: str
    type: DivisionType
    is_active: bool
    parent: "DivisionRead | None"


def division_from_row(row: Row | Mapping[str, Any]) -> DivisionRead:
    """Returns the division of DIVISION_COLUMNS and PARENT_COLUMNS, by their names."""
    has_parent = row["parent_id"] is not None
    return _division(
        row, "division_", _division(row, "parent_", None) if has_parent else None
    )


def _division(
    row: Row | Mapping[str, Any], prefix: str, parent: DivisionRead | None
) -> DivisionRead:
    values = {name: row[prefix + name] for name in DIVISION.names}
    # SQLite has numbers for true and false.
    values |= {"type": DivisionType(values["type"]), "is_active": bool(values["is_active"])}
    return DivisionRead(**values, parent=parent)


_STATEMENTS = load_statements(__file__, division=DIVISION_COLUMNS, parent=PARENT_COLUMNS)


async def divisions_named(
    ids: Collection[int], erp_codes: Collection[str]
) -> Sequence[DivisionRead]:
    """Reads the divisions that have one of these ids or ERP codes; unknown ones are absent."""
    rows = await _STATEMENTS["divisions_named"].rows(
        ids=list(ids), erp_codes=list(erp_codes)
    )
    return [division_from_row(row) for row in rows]


async def divisions_within(division_id: int) -> Sequence[DivisionRead]:
    """Reads a division and its sub-divisions: itself first, then by name."""
    rows = await _STATEMENTS["divisions_within"].rows(division_id=division_id)
    return [division_from_row(row) for row in rows]


async def divisions_shown(ids: Collection[int]) -> Sequence[Row]:
    """Reads the rows of divisions that baskets show, with the revision of all divisions."""
    return await _STATEMENTS["divisions_shown"].rows(ids=list(ids))
