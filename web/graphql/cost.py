"""What a selection costs: objects that the answer will hold, counted before anything is executed.

A field that answers with an object costs 1, a list costs its size times what one entry costs, and a field with another
weight is in WEIGHTS; plain values are free. A page has the size that is asked for; every other list has the size that
LIST_SIZES expects of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schema.page import DEFAULT_ITEM_PAGE

LIST_SIZES = {
    "Basket.items": 100,
    "BasketItem.divisions": 3,
    "BasketRefreshPayload.priceChanges": 20,
    "BasketRefreshPayload.unavailable": 5,
    "Query.activeBaskets": 5,
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
"""How many entries lists are expected to have; any other list that is no page has OTHER_LIST_SIZE."""
OTHER_LIST_SIZE = 10
WEIGHTS = {"Query.product": 10, "Mutation.basketRefresh": 50, "Mutation.basketImport": 50}
"""Fields that cost more than an object: they ask Commerce, or read a file. Other mutations cost MUTATION_WEIGHT."""
MUTATION_WEIGHT = 10
PAGE_ARGUMENTS = ("first", "last")
PAGE_SIZES = {"Basket.itemsPage": DEFAULT_ITEM_PAGE}
"""How many entries pages have that are requested without a number; any other page has DEFAULT_PAGE."""
PAGE_SIZE = 50
"""The size of a page whose argument is a variable that has neither a value nor a default."""
MAXIMUM_PAGE_SIZE = 1_000
"""What a larger page is counted as; the resolver rejects it."""
ENDLESS = 1_000_000_000
"""Where counting ends."""

Variables = tuple[str, ...]


class Cost:
    """A sum of products of page sizes: most are plain numbers, some depend on variables of the request."""

    __slots__ = ("products",)

    def __init__(self, products: dict[Variables, int]) -> None:
        self.products = products

    def plus(self, other: "Cost") -> "Cost":
        """Returns the sum."""
        products = dict(self.products)
        for names, factor in other.products.items():
            products[names] = min(products.get(names, 0) + factor, ENDLESS)
        return Cost(products)

    def times(self, other: "Cost") -> "Cost":
        """Returns the product."""
        products: dict[Variables, int] = {}
        for (names, factor), (more, times) in _pairs(self, other):
            key = tuple(sorted(names + more))
            products[key] = min(products.get(key, 0) + factor * times, ENDLESS)
        return Cost(products)

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for all variables."""
        return not any(self.products)

    def amount(self, variables: Mapping[str, Any]) -> int:
        """Returns the cost with the variables of a request."""
        total = 0
        for names, factor in self.products.items():
            for name in names:
                factor *= page_size(variables.get(name))
            total += factor
        return min(total, ENDLESS)


def _pairs(
    one: Cost, two: Cost
) -> Iterator[tuple[tuple[Variables, int], tuple[Variables, int]]]:
    return (
        (first, second) for first in one.products.items() for second in two.products.items()
    )


def fixed(amount: int) -> Cost:
    """Returns a cost that depends on nothing."""
    return Cost({(): min(amount, ENDLESS)} if amount else {})


def page_size(value: Any) -> int:
    """Returns how many entries a value of `first` means; what is rejected later costs nothing, or as much as can be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return PAGE_SIZE
    return int(max(0, min(value, MAXIMUM_PAGE_SIZE)))
