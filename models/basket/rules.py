"""The rules of a basket, each said once: its name, its condition, and how a breach is rejected.

The function `basket_add` of PostgreSQL checks the same conditions before it changes anything (a
test compares the two); everything else changes first, checks, and is rolled back.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from models.basket.tables import (
    MAXIMUM_ITEMS,
    MAXIMUM_QUANTITY,
    MAXIMUM_TOTAL_QUANTITY,
    BasketItemDivision,
)
from models.database.statements import Row, load_statements
from models.rejections import Rejected, Rejection, RejectionCode

Field = tuple[str, ...]
"""A path into the input."""


class Line(NamedTuple):
    """A quantity of a product for a division, to be added; `field` is its path in the input."""

    product_id: int
    division_id: int
    quantity: int
    field: Field = ()


Lines = Mapping[tuple[int, int], Line]
"""Lines by product and division."""


class Breach(NamedTuple):
    """A basket that breaks a rule: its id, its sums, and the lines that were added to it."""

    basket_id: int
    sums: Row
    lines: Lines


class Rule(NamedTuple):
    """A rule: a condition in SQL on the sums of a basket, and the rejection of a breach."""

    name: str
    condition: str
    reject: Callable[[Breach], Awaitable[Rejected]]


async def _reject_quantity(breach: Breach) -> Rejected:
    """Rejects the first line with too high a quantity."""
    parts = BasketItemDivision.filter(
        item__basket_id=breach.basket_id, quantity__gt=MAXIMUM_QUANTITY
    )
    columns = ("item__product_id", "division_id", "quantity")
    product_id, division_id, quantity = (
        await parts.order_by("id").first().values_list(*columns)
    )
    # Setting a quantity checks the rules too, with no lines.
    line = breach.lines.get((product_id, division_id))
    return _quantity_rejection(quantity, 1, line.field if line else ())


async def _reject_item_count(breach: Breach) -> Rejected:
    return _limit_rejection(breach.sums["item_count"], "different products", MAXIMUM_ITEMS)


async def _reject_total_quantity(breach: Breach) -> Rejected:
    total = breach.sums["total_quantity"]
    return _limit_rejection(total, "pieces", MAXIMUM_TOTAL_QUANTITY)


async def _reject_currency(breach: Breach) -> Rejected:
    """Rejects every product that is not priced in the currency of the first item."""
    fields = {line.product_id: line.field for line in breach.lines.values()}
    return Rejected(
        [
            Rejection(
                RejectionCode.CURRENCY_MISMATCH,
                f"Product {row['remote_id']} is priced in {row['currency']}, the basket in "
                f"{row['first_currency']}; all items share one currency.",
                *fields.get(row["product_id"], ()),
            )
            for row in await _FOREIGN_ITEMS.rows(basket_id=breach.basket_id)
        ]
    )


def _quantity_rejection(quantity: int, least: int, field: Field) -> Rejection:
    message = f"Quantity {quantity} is not between {least} and {MAXIMUM_QUANTITY}."
    return Rejection(RejectionCode.INVALID_QUANTITY, message, *field, "quantity")


def _limit_rejection(count: int, noun: str, maximum: int) -> Rejection:
    message = f"The basket would hold {count} {noun}; it may hold {maximum}."
    return Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, message, "items")


RULES = (
    Rule("quantity", f"highest_quantity <= {MAXIMUM_QUANTITY}", _reject_quantity),
    Rule("item count", f"item_count <= {MAXIMUM_ITEMS}", _reject_item_count),
    Rule(
        "total quantity",
        f"total_quantity <= {MAXIMUM_TOTAL_QUANTITY}",
        _reject_total_quantity,
    ),
    Rule("currency", "currency_count <= 1", _reject_currency),
)
"""The rules in the order of their checks; the first that is broken is rejected."""


def write_broken_rule(rules: tuple[Rule, ...] = RULES) -> str:
    """Writes the SQL expression for the name of the first broken rule, null when all are kept."""
    cases = [f"WHEN NOT ({rule.condition}) THEN '{rule.name}'" for rule in rules]
    return f"CASE {' '.join(cases)} END"


_STATEMENTS = load_statements(__file__, broken_rule=write_broken_rule())
_SUMS = _STATEMENTS["sums"]
_FOREIGN_ITEMS = _STATEMENTS["foreign_items"]


async def check_rules(basket_id: int, lines: Lines) -> None:
    """Raises the rejection of the first rule that a basket, with these lines added, breaks."""
    sums = await _SUMS.one(basket_id=basket_id)
    for rule in RULES:
        if rule.name == sums["broken_rule"]:
            raise await rule.reject(Breach(basket_id, sums, lines))


def check_quantity(quantity: int, field: Field = (), *, least: int = 1) -> None:
    """Raises INVALID_QUANTITY when a quantity is outside its limits."""
    if not least <= quantity <= MAXIMUM_QUANTITY:
        raise _quantity_rejection(quantity, least, field)
