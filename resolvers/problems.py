"""The problems of baskets, found before they are resolved, and only where they are selected."""

from collections.abc import Iterable

from models.basket.problems import find_basket_problems
from resolvers.context import Info
from schema.basket import Basket
from schema.basket_problem import problems_from_rows
from schema.item_rows import ItemRows


def prepare_problems(info: Info, baskets: Iterable[Basket]) -> None:
    """Puts their problems into baskets, from the rows that were read of them."""
    for basket in baskets:
        # A list by its declared type only. Where no items were read, none are selected.
        items: object = basket.items
        if isinstance(items, ItemRows):
            found = find_basket_problems(items.basket, info.context.buyer)
            basket.found_problems = problems_from_rows(items.basket, found)
