"""Baskets as they were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any, NamedTuple, Self

import orjson

from models.basket.catalogue import LookUp
from models.database.row_cache import CachedRow
from models.database.statements import Row


@dataclass(frozen=True, slots=True)
class BasketSummary:
    """The columns of a basket by name, and the sums of its items; amounts in hundredths."""

    columns: Mapping[str, Any]
    item_count: int
    total_quantity: int
    total_amount: int
    currency: str | None

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Returns the basket of a row of a summary."""
        return cls(
            orjson.loads(row["basket"]),
            row["item_count"],
            row["total_quantity"],
            row["total_amount"],
            row["currency"],
        )


Parts = tuple[list[int], list[int]]
"""The ids of an item's divisions and their quantities, in the order first added."""


@dataclass(frozen=True, slots=True)
class FullBasket:
    """The columns of a basket by name, and those of its items as lists, in the order first added.

    Products and divisions are shared by all baskets that show the same contents.
    """

    columns: Mapping[str, Any]
    currency: str | None
    item_ids: Sequence[int]
    prices: Sequence[int]
    products: Sequence[CachedRow]
    refreshed_at: Sequence[str]
    parts: Sequence[Parts]
    divisions: Mapping[int, CachedRow]

    @classmethod
    def from_row(cls, row: Row, look_up: LookUp) -> Self:
        """Returns the basket of a row of a full read; the look-up notes the rows that it lacks."""
        item_ids, prices, products, revisions, refreshed_at = _item_lists(row)
        part_items, part_divisions, quantities = _part_lists(row)
        # A named tuple per item would take longer to make than all the rest.
        parts: dict[int, Parts] = {item_id: ([], []) for item_id in item_ids}
        for item_id, division_id, quantity in zip(
            part_items, part_divisions, quantities, strict=True
        ):
            divisions, numbers = parts[item_id]
            divisions.append(division_id)
            numbers.append(quantity)
        return cls(
            columns=orjson.loads(row["basket"]),
            currency=row["currency"],
            item_ids=item_ids,
            prices=prices,
            products=look_up.find_products(products, revisions),
            refreshed_at=refreshed_at,
            # The dictionary was made in the order of the items, also of those without parts.
            parts=list(parts.values()),
            divisions=look_up.find_divisions(set(part_divisions), row["division_revision"]),
        )

    @property
    def item_quantities(self) -> list[int]:
        """The sums of the quantities of each item."""
        return [sum(quantities) for _, quantities in self.parts]

    @property
    def total_amount(self) -> int:
        """The sum of all amounts, in hundredths."""
        return sum(map(mul, self.prices, self.item_quantities))


class BasketRows(NamedTuple):
    """The baskets of one read: in full, or as summaries."""

    baskets: Sequence[FullBasket] | Sequence[BasketSummary]
    full: bool

    def full_baskets(self) -> Sequence[FullBasket]:
        """Returns the baskets of a full read."""
        return [basket for basket in self.baskets if isinstance(basket, FullBasket)]


def _item_lists(row: Row) -> tuple[Sequence[Any], ...]:
    names = ("item_ids", "prices", "product_ids", "product_revisions", "refreshed_at")
    return _lists(row, "items", names)


def _part_lists(row: Row) -> tuple[Sequence[Any], ...]:
    return _lists(row, "parts", ("part_items", "part_divisions", "part_quantities"))


def _lists(row: Any, array: str, names: Sequence[str]) -> tuple[Sequence[Any], ...]:
    """Returns columns that are lists; on SQLite they are made of one list of a JSON array each."""
    if array in row.keys():  # the rows of SQLite are no mappings
        # Of an empty array zip makes no columns at all.
        return tuple(zip(*orjson.loads(row[array]), strict=True)) or ((),) * len(names)
    return tuple(row[name] or () for name in names)
