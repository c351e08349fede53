"""The reasons for which the domain rejects an input: each code once, with its description."""

from collections.abc import Sequence
from enum import StrEnum, auto
from typing import Any


class RejectionCode(StrEnum):
    """The codes by which clients decide; each member carries its description for the schema."""

    description: str

    def __new__(cls, code: str, description: str) -> "RejectionCode":
        """Makes a member from its name, which `auto()` stands for, and its description."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.description = description
        return member

    @staticmethod
    def _generate_next_value_(
        name: str, start: int, count: int, last_values: list[Any]
    ) -> str:
        return name

    BASKET_NOT_FOUND = auto(), "There is no such basket, or it is not the caller's."
    BASKET_EMPTY = auto(), "The basket has no items."
    BASKET_NOT_DRAFT = auto(), "The basket is not a draft."
    BASKET_HAS_PROBLEMS = auto(), "The basket has problems that are BLOCKING."
    BASKET_LIMIT_EXCEEDED = (
        auto(),
        "The basket would hold more than it may, or too many exports are not finished.",
    )
    PRODUCT_NOT_FOUND = auto(), "Commerce does not know the product."
    PRODUCT_NOT_IN_BASKET = auto(), "The basket does not hold the product."
    PRODUCT_UNAVAILABLE = auto(), "Commerce does not sell the product now."
    CURRENCY_MISMATCH = auto(), "The product is priced in another currency than the basket."
    DIVISION_NOT_FOUND = auto(), "There is no such division."
    DIVISION_NOT_ALLOWED = auto(), "The caller may not buy for the division."
    DIVISION_INACTIVE = auto(), "The division is inactive."
    INVALID_QUANTITY = auto(), "The quantity is outside its limits."
    INVALID_INPUT = auto(), "The input makes no sense as it is."
    NAME_REQUIRED = auto(), "A name is missing or blank."
    VERSION_CONFLICT = auto(), "The basket has moved on since the caller last saw it."
    VERSION_UNKNOWN = (
        auto(),
        "The basket never had the version, or its history no longer reaches back to it.",
    )
    IDEMPOTENCY_KEY_REUSED = auto(), "The key was used before with another input."
    COMMERCE_UNAVAILABLE = (
        auto(),
        "Commerce cannot be asked now; trying again later may help.",
    )
    OPERATION_TIMEOUT = (
        auto(),
        "The operation took too long: this change of it was not made, those before it were.",
    )
    FILE_UNREADABLE = auto(), "The file is no spreadsheet, or a broken one."
    FILE_TOO_LARGE = auto(), "The file is larger than allowed, as it is or unpacked."
    MISSING_COLUMN = auto(), "The spreadsheet lacks a column."
    INVALID_ROWS = (
        auto(),
        "Rows of the spreadsheet cannot be imported; the report lists them.",
    )


MAXIMUM_REJECTIONS = 100
"""How many of the products that stand in the way are named."""


class Rejected(Exception):
    """Raised when an input is not accepted; the unit of work undoes all of its changes."""

    def __init__(self, rejections: Sequence["Rejection"]) -> None:
        super().__init__("; ".join(rejection.message for rejection in rejections))
        self.rejections = list(rejections)


class Rejection(Rejected):
    """One reason: a code for programs, a message for people, and a path into the input."""

    def __init__(self, code: RejectionCode, message: str, *field: str) -> None:
        self.code = code
        self.message = message
        self.field = field
        super().__init__([self])

    def beneath(self, *prefix: str) -> "Rejection":
        """Puts the path below another one: `quantity` becomes `items 3 quantity`."""
        self.field = (*prefix, *self.field)
        return self


def newer_rejection(noun: str, error: object, *field: str) -> Rejection:
    """Returns the rejection of a row with a word that only a newer release knows."""
    return Rejection(
        RejectionCode.INVALID_INPUT,
        f"Another release has stored the {noun}, and this server cannot read it: {error}. "
        "Ask again later.",
        *field,
    )
