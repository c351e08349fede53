"""Divisions, as they are answered."""

import strawberry

from models.division import DivisionRead, DivisionType
from schema.node import IdKind, Node, id_of
from schema.scalars import describe_enum, described

describe_enum(
    DivisionType,
    "Whether a division stands by itself or below a main one.",
    MAIN="A division without a parent, which may have sub-divisions.",
    SUB="A division below a main division.",
)


@strawberry.type(description="A division of a company: a store that buys.")
class Division(Node):
    id: strawberry.ID = described("The division's id.")
    name: str = described("The division's name, for a person.")
    erp_code: str = described(
        "The code by which the company's own systems know the division."
    )
    type: DivisionType = described("Whether it is a main division or a sub-division.")
    parent: "Division | None" = described(
        "The main division above it; null for a main division."
    )
    is_active: bool = described("Whether anything can be bought for it.")

    @classmethod
    def of(cls, read: DivisionRead) -> "Division":
        """Makes the type from a division's row."""
        parent = cls.of(read.parent) if read.parent else None
        return cls(
            id=id_of(IdKind.DIVISION, read.id),
            name=read.name,
            erp_code=read.erp_code,
            type=read.type,
            parent=parent,
            is_active=read.is_active,
        )
