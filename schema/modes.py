"""The ways in which an input is put into the basket."""

from enum import StrEnum

from schema.scalars import describe_enum


class SetMode(StrEnum):
    """The treatment of the quantities that an input does not name."""

    MERGE = "MERGE"
    REPLACE = "REPLACE"


class CopyMode(StrEnum):
    """The treatment of the items that the active basket holds before a copy."""

    ADD = "ADD"
    REPLACE = "REPLACE"


describe_enum(
    CopyMode,
    "What to do with the items that the active basket holds.",
    ADD="The copied quantities are added to those that it holds.",
    REPLACE="It is emptied first, unless no line can be copied.",
)
describe_enum(
    SetMode,
    "What to do with the products and divisions that are not named.",
    MERGE="They keep their quantities.",
    REPLACE="They are removed: the basket holds the named quantities and nothing else. "
    "With SKIP, those that a rejected line names keep their quantities.",
)
