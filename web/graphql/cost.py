"""The cost of a selection: the objects of its response, counted before it is executed.

A field of an object costs 1, or its weight in WEIGHTS; a list costs its size times the cost of one
entry; plain values are free. A page has its requested size, every other list its size in
LIST_SIZES.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schema.page import DEFAULT_ITEM_PAGE, DEFAULT_LINE_PAGE

LIST_SIZES = {
    "Basket.items": 100,
    # A delta may have to be complete.
    "BasketDelta.items": 100,
    "BasketItem.divisions": 3,
    "Basket.problems": 5,
    "BasketCopyPayload.outcomes": 20,
    "BasketItemsAddPayload.outcomes": 20,
    "BasketItemsSetPayload.outcomes": 20,
    "BasketRefreshPayload.priceChanges": 20,
    "BasketRefreshPayload.unavailable": 5,
    "BasketRevertPayload.outcomes": 20,
    "LineOutcome.errors": 1,
    "Query.activeBaskets": 5,
    "QuotationRequestPayload.problems": 5,
    "Query.divisions": 20,
    "Viewer.divisions": 20,
    "__Schema.types": 50,
    "__Schema.directives": 5,
    "__Type.fields": 5,
    "__Type.inputFields": 3,
    "__Type.enumValues": 2,
    "__Type.interfaces": 1,
    "__Type.possibleTypes": 1,
    "__Field.args": 1,
    "__Directive.args": 1,
}
"""Expected entries per list; any other list that is no page has OTHER_LIST_SIZE."""
OTHER_LIST_SIZE = 10
WEIGHTS = {
    "Query.product": 10,
    "Mutation.basketCopy": 50,
    "Mutation.basketImport": 50,
    "Mutation.basketRefresh": 50,
    "Mutation.basketRevert": 50,
}
"""Costs of fields that ask Commerce or read a file; other mutations cost MUTATION_WEIGHT."""
MUTATION_WEIGHT = 10
PAGE_ARGUMENTS = ("first", "last")
PAGE_SIZES = {
    "Basket.itemsPage": DEFAULT_ITEM_PAGE,
    "BasketChange.lines": DEFAULT_LINE_PAGE,
}
"""Entries per page that is requested without a number; any other page has DEFAULT_PAGE."""
PAGE_SIZE = 50
"""The size of a page whose argument is a variable without a value or a default."""
MAXIMUM_PAGE_SIZE = 1_000
"""The size that larger pages are counted with; the resolver rejects them."""
HIGHEST_COST = 1_000_000_000
"""The cost at which counting ends."""

Variables = tuple[str, ...]


class Cost:
    """A sum of products of page sizes, some of which are variables of the request."""

    __slots__ = ("products",)

    def __init__(self, products: dict[Variables, int]) -> None:
        # {("n", "m"): 3, (): 7} is 3·n·m + 7: pages within pages multiply.
        self.products = products

    def plus(self, other: "Cost") -> "Cost":
        """Returns the sum."""
        products = dict(self.products)
        for names, factor in other.products.items():
            # Clamped at every step, since pages nested in pages would make ever longer integers.
            products[names] = min(products.get(names, 0) + factor, HIGHEST_COST)
        return Cost(products)

    def times(self, other: "Cost") -> "Cost":
        """Returns the product."""
        products: dict[Variables, int] = {}
        for (names, factor), (other_names, other_factor) in _pairs(self, other):
            # Sorted, so that n·m and m·n are one key and their factors add up.
            key = tuple(sorted(names + other_names))
            product = products.get(key, 0) + factor * other_factor
            products[key] = min(product, HIGHEST_COST)
        return Cost(products)

    @property
    def is_fixed(self) -> bool:
        """Whether the cost is the same for all variables."""
        return not any(self.products)

    def amount(self, variables: Mapping[str, Any]) -> int:
        """Returns the cost with the variables of a request."""
        total = 0
        for names, factor in self.products.items():
            for name in names:
                factor *= clamp_page_size(variables.get(name))
            total += factor
        return min(total, HIGHEST_COST)


def _pairs(
    one: Cost, two: Cost
) -> Iterator[tuple[tuple[Variables, int], tuple[Variables, int]]]:
    return (
        (first, second) for first in one.products.items() for second in two.products.items()
    )


def cost_from_number(amount: int) -> Cost:
    """Returns a cost that depends on no variable."""
    return Cost({(): min(amount, HIGHEST_COST)} if amount else {})


def clamp_page_size(value: Any) -> int:
    """Returns the page size for a `first` value, clamped to 0…1,000."""
    # Values that are not numbers are rejected by the coercion of variables, after this.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return PAGE_SIZE
    return int(max(0, min(value, MAXIMUM_PAGE_SIZE)))
