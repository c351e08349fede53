"""The problems of a basket, as they are shown."""

from collections.abc import Sequence
from enum import StrEnum

import strawberry

from models.basket.problems import Problem, ProblemCode
from models.basket.rows import FullBasket
from models.money import Cents
from schema.basket_item import BasketItem
from schema.division import Division
from schema.item_rows import ItemRows, division_from_cache
from schema.scalars import describe_enum, described


class ProblemSeverity(StrEnum):
    """The weight of a problem."""

    BLOCKING = "BLOCKING"
    WARNING = "WARNING"


describe_enum(
    ProblemCode,
    "What stands in the way of a good order. PRODUCT_UNAVAILABLE, DIVISION_INACTIVE and "
    "DIVISION_NOT_ALLOWED are BLOCKING; PRICE_CHANGED and OUT_OF_STOCK are a WARNING.",
    name="BasketProblemCode",
    PRICE_CHANGED="Commerce last named another price, or another currency, than the item has.",
    PRODUCT_UNAVAILABLE="Commerce no longer sells the product.",
    OUT_OF_STOCK="Commerce has fewer pieces than the basket, where it says a number; "
    "or it has none.",
    DIVISION_INACTIVE="The division is closed.",
    DIVISION_NOT_ALLOWED="The caller may not buy for the division any more.",
)
describe_enum(
    ProblemSeverity,
    "How much a problem stands in the way.",
    name="BasketProblemSeverity",
    BLOCKING="`quotationRequest` rejects the basket for it.",
    WARNING="The basket can be submitted nevertheless.",
)


@strawberry.type(description="What stands in the way of a good order of an item.")
class BasketProblem:
    code: ProblemCode = described("What it is, for a program.")
    severity: ProblemSeverity = described("Whether the basket can be submitted with it.")
    message: str = described("What it is, for a person, naming the product and the values.")
    item: BasketItem = described("The item that has the problem.")
    division: Division | None = described(
        "The division concerned; null when the problem is of no single division."
    )
    current_price: Cents | None = described(
        "The unit price that Commerce last named; null for any code but PRICE_CHANGED."
    )
    current_currency: str | None = described(
        "The currency of that price; null without the price."
    )


def problems_from_rows(
    basket: FullBasket, problems: Sequence[Problem]
) -> list[BasketProblem]:
    """Makes the problems of a basket, each with its item."""
    positions = sorted({problem.position for problem in problems})
    # Only the items that have problems are made into objects.
    items = ItemRows(basket.pick(positions))
    by_position = dict(zip(positions, items, strict=True))
    divisions = {
        number: division_from_cache(basket.divisions[number])
        for number in {problem.division_id for problem in problems}
        if number is not None
    }
    return [
        BasketProblem(
            code=problem.code,
            severity=_severity(problem.code),
            message=problem.message,
            item=by_position[problem.position],
            division=divisions.get(problem.division_id or 0),
            current_price=None if problem.price is None else Cents(problem.price),
            current_currency=problem.currency,
        )
        for problem in problems
    ]


def _severity(code: ProblemCode) -> ProblemSeverity:
    return ProblemSeverity.BLOCKING if code.is_blocking else ProblemSeverity.WARNING
