"""The outcomes of single lines, where one input carries many."""

from enum import StrEnum

import strawberry

from schema.division import Division
from schema.scalars import describe_enum, described
from schema.user_error import UserError


class OnInvalid(StrEnum):
    """The treatment of an input of which some lines cannot be carried out."""

    REJECT = "REJECT"
    SKIP = "SKIP"


class LineStatus(StrEnum):
    """The outcome of a line."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNCHANGED = "UNCHANGED"


describe_enum(
    OnInvalid,
    "What to do when some lines cannot be carried out.",
    REJECT="Change nothing; rejected lines are in `outcomes` and in `userErrors`.",
    SKIP="Carry out the good lines as one change, if there is one; rejected lines are in "
    "`outcomes` only, and `userErrors` is empty.",
)
describe_enum(
    LineStatus,
    "What became of a line.",
    ACCEPTED="It was carried out, or in a dry run would be.",
    REJECTED="It was rejected for `errors`.",
    UNCHANGED="It is good, but nothing was changed because other lines were rejected.",
)


@strawberry.type(description="What became of one line of the input.")
class LineOutcome:
    index: int = described("The place of the line in the input, from 0.")
    status: LineStatus = described("Whether the line was carried out.")
    product_remote_id: int | None = described(
        "The product's identifier in Commerce; null when the line names a SKU that is unknown."
    )
    sku: str | None = described(
        "The product's stock keeping unit; null when the line names a remote id that is unknown."
    )
    division: Division | None = described(
        "The division; null when it is unknown or the caller may not buy for it."
    )
    quantity: int | None = described("The quantity of the line.")
    errors: list[UserError] = described(
        "Why the line was rejected; empty for all other lines."
    )
