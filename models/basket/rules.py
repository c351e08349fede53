"""The rules of a basket, each said once: its name, its condition, and how a breach is rejected.

The functions of PostgreSQL check the same conditions (a test compares them). A change is made
first, then checked, and rolled back when it breaks a rule.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from models.basket.tables import (
    MAXIMUM_ITEMS,
    MAXIMUM_QUANTITY,
    MAXIMUM_TOTAL_QUANTITY,
)
from models.database.statements import load_statements
from models.history.lines import ChangeLine
from models.rejections import MAXIMUM_REJECTIONS, Rejected, Rejection, RejectionCode

Field = tuple[str, ...]
"""A path into the input."""


class Line(NamedTuple):
    """A quantity of a product for a division, to add or set; `field` is its path in the input."""

    product_id: int
    division_id: int
    quantity: int
    field: Field = ()

    @property
    def key(self) -> tuple[int, int]:
        """The ids of the product and the division."""
        return self.product_id, self.division_id


Lines = Mapping[tuple[int, int], Line]
"""Lines by product and division."""


class Sums(NamedTuple):
    """The sums of a basket after a change; the highest quantity is of the changed parts only."""

    highest_quantity: int
    item_count: int
    total_quantity: int
    currency_count: int


class Breach(NamedTuple):
    """A basket that breaks a rule: its id, its sums, the changed lines and those of the input."""

    basket_id: int
    sums: Sums
    lines: Sequence[ChangeLine]
    requested: Lines


class Rule(NamedTuple):
    """A rule: the maximum of one of the sums, and the rejection of a breach."""

    name: str
    sum: str
    maximum: int
    reject: Callable[[Breach], Awaitable[Rejected]]

    @property
    def condition(self) -> str:
        """The rule in SQL."""
        return f"{self.sum} <= {self.maximum}"


async def _reject_quantity(breach: Breach) -> Rejected:
    """Rejects the first line with too high a quantity."""
    after, key = next(
        (line.quantity_after, (line.product_id, line.division_id))
        for line in breach.lines
        if line.division_id is not None and line.quantity_after > MAXIMUM_QUANTITY
    )
    # Setting a quantity checks the rules too, without requested lines.
    requested = breach.requested.get(key)
    return _quantity_rejection(after, 1, requested.field if requested else ())


async def _reject_item_count(breach: Breach) -> Rejected:
    return _item_count_rejection(breach.sums.item_count)


async def _reject_total_quantity(breach: Breach) -> Rejected:
    return _total_quantity_rejection(breach.sums.total_quantity)


async def _reject_currency(breach: Breach) -> Rejected:
    """Rejects the first products that are not priced in the currency of the first item."""
    fields = {line.product_id: line.field for line in breach.requested.values()}
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


def _item_count_rejection(count: int) -> Rejection:
    return _limit_rejection(count, "different products", MAXIMUM_ITEMS)


def _total_quantity_rejection(quantity: int) -> Rejection:
    return _limit_rejection(quantity, "pieces", MAXIMUM_TOTAL_QUANTITY)


def limit_rejections(item_count: int, total_quantity: int) -> list[Rejection]:
    """Returns the rejections of a basket that would have these sums, if it may not."""
    rejections = []
    if item_count > MAXIMUM_ITEMS:
        rejections.append(_item_count_rejection(item_count))
    if total_quantity > MAXIMUM_TOTAL_QUANTITY:
        rejections.append(_total_quantity_rejection(total_quantity))
    return rejections


def _limit_rejection(count: int, noun: str, maximum: int) -> Rejection:
    message = f"The basket would hold {count} {noun}; it may hold {maximum}."
    return Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, message, "items")


RULES = (
    Rule("quantity", "highest_quantity", MAXIMUM_QUANTITY, _reject_quantity),
    Rule("item count", "item_count", MAXIMUM_ITEMS, _reject_item_count),
    Rule(
        "total quantity", "total_quantity", MAXIMUM_TOTAL_QUANTITY, _reject_total_quantity
    ),
    Rule("currency", "currency_count", 1, _reject_currency),
)
"""The rules in the order of their checks; the first that is broken is rejected."""

_STATEMENTS = load_statements(__file__, maximum_rejections=MAXIMUM_REJECTIONS)
_FOREIGN_ITEMS = _STATEMENTS["foreign_items"]


async def check_rules(breach: Breach) -> None:
    """Raises the rejection of the first rule that a changed basket breaks, if it breaks one."""
    for rule in RULES:
        if getattr(breach.sums, rule.sum) > rule.maximum:
            raise await rule.reject(breach)


def check_quantity(quantity: int, field: Field = (), *, least: int = 1) -> None:
    """Raises INVALID_QUANTITY when a quantity is outside its limits."""
    if not least <= quantity <= MAXIMUM_QUANTITY:
        raise _quantity_rejection(quantity, least, field)
