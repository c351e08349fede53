"""Ids that no two objects of any types share, and the interface of everything that has one.

An id is the word of its kind and the numbers of its row: `basket_17`. To clients it is opaque.
"""

import re
from enum import StrEnum
from typing import NamedTuple

import strawberry

from schema.scalars import described


class IdKind(StrEnum):
    """The kinds of ids; each value begins the ids of its kind."""

    VIEWER = "viewer"
    DIVISION = "division"
    PRODUCT = "product"
    """Its numbers are the remote id and, unless it is 0, the segment; together they name a row."""
    PRODUCT_SNAPSHOT = "snapshot"
    """The product of an item of a submitted basket, as it was then; its number is the item's."""
    BASKET = "basket"
    BASKET_ITEM = "item"
    BASKET_ITEM_DIVISION = "part"
    """Its numbers are the item's and the division's."""
    CHANGE = "change"
    ACTOR = "actor"
    """Its number is the user's, whose id as the caller is another one."""
    QUOTATION = "quotation"
    EXPORT = "export"


class ParsedId(NamedTuple):
    """The kind of an id and its numbers."""

    kind: IdKind
    numbers: tuple[int, ...]


# Eighteen digits always fit a bigint; without leading zeros an object has only one id.
_ID = re.compile(r"([a-z]+)_([1-9][0-9]{0,17})(?:_([1-9][0-9]{0,17}))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_COUNTS = {IdKind.PRODUCT: (1, 2), IdKind.BASKET_ITEM_DIVISION: (2,)}
"""How many numbers the ids of a kind have; those of others have one."""
_KINDS = {kind.value: (kind, _COUNTS.get(kind, (1,))) for kind in IdKind}
"""The kinds and these counts, by the words of ids."""


@strawberry.interface(
    description="Anything with an id that no other object of any type has. Ids are opaque; "
    "where an id is an input, the number of the REST interface is accepted too."
)
class Node:
    id: strawberry.ID = described("The object's id, which no other object of any type has.")


def id_of(kind: IdKind, number: int, second: int | None = None) -> strawberry.ID:
    """Returns the id of an object."""
    # To add a text to an enum's takes half the time of formatting it.
    return strawberry.ID(kind + (f"_{number}" if second is None else f"_{number}_{second}"))


def parsed_id(text: str) -> ParsedId | None:
    """Reads an id of any kind; None for a text that is none, such as a number alone."""
    match = _ID.fullmatch(text)
    if match is None or match[1] not in _KINDS:
        return None
    kind, counts = _KINDS[match[1]]
    numbers = tuple([int(number) for number in match.groups()[1:] if number])
    return ParsedId(kind, numbers) if len(numbers) in counts else None


def number_of(kind: IdKind, text: str) -> int | None:
    """Returns the number of an input's id, or of REST's bare number.

    None for other texts and for ids of another kind.
    """
    if _NUMBER.fullmatch(text):
        return int(text)
    parsed = parsed_id(text)
    return parsed.numbers[0] if parsed and parsed.kind is kind else None
