"""The ways in which an input is put into the basket."""

from enum import StrEnum

from schema.scalars import describe_enum


class SetMode(StrEnum):
    """The treatment of the quantities that an input does not name."""

    MERGE = "MERGE"
    REPLACE = "REPLACE"


describe_enum(
    SetMode,
    "What to do with the products and divisions that are not named.",
    MERGE="They keep their quantities.",
    REPLACE="They are removed: the basket holds the named quantities and nothing else. "
    "With SKIP, those that a rejected line names keep their quantities.",
)
