"""Baskets as they were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson

from models.basket.catalogue import LookUp
from models.database.row_cache import CachedRow
from models.database.statements import Row


@dataclass(frozen=True, slots=True)
class BasketSummary:
    """The columns of a basket by name, among them its totals; amounts in hundredths."""

    columns: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Returns the basket of a row of a summary."""
        return cls(orjson.loads(row["basket"]))


Parts = tuple[list[int], list[int]]
"""The ids of an item's divisions and their quantities, in the order first added."""


# Frozen, it would take four times as long to make.
@dataclass(slots=True)
class FullBasket:
    """The columns of a basket by name, and those of its items as lists, in the order first added.

    The quantities of the items for their divisions, the parts, are lists of their own, in the order
    of the items. Products and divisions are shared by all baskets that show the same contents.
    """

    columns: Mapping[str, Any]
    item_ids: Sequence[int]
    prices: Sequence[int]
    products: Sequence[CachedRow]
    refreshed_at: Sequence[str]
    part_items: Sequence[int]
    part_divisions: Sequence[int]
    part_quantities: Sequence[int]
    divisions: Mapping[int, CachedRow]

    @classmethod
    def from_row(cls, row: Row, look_up: LookUp) -> Self:
        """Returns the basket of a row of a full read; the look-up notes the rows that it lacks."""
        item_ids, prices, products, revisions, refreshed_at = _lists(row, "items", _ITEM)
        part_items, divisions, quantities = _sort_by_item(_lists(row, "parts", _PART))
        return cls(
            orjson.loads(row["basket"]),
            item_ids,
            prices,
            look_up.find_products(products, revisions),
            refreshed_at,
            part_items,
            divisions,
            quantities,
            look_up.find_divisions(set(divisions), row["division_revision"]),
        )

    @property
    def item_quantities(self) -> Sequence[int]:
        """The sums of the quantities of each item."""
        if self.part_items == self.item_ids:
            return self.part_quantities
        quantities = dict.fromkeys(self.item_ids, 0)
        for item_id, quantity in zip(self.part_items, self.part_quantities, strict=True):
            quantities[item_id] += quantity
        return list(quantities.values())

    def group_parts(self) -> Sequence[Parts]:
        """Returns the parts of each item."""
        parts: dict[int, Parts] = {item_id: ([], []) for item_id in self.item_ids}
        for item_id, division_id, quantity in zip(
            self.part_items, self.part_divisions, self.part_quantities, strict=True
        ):
            divisions, quantities = parts[item_id]
            divisions.append(division_id)
            quantities.append(quantity)
        return list(parts.values())


class BasketRows(NamedTuple):
    """The baskets of one read: in full, or as summaries."""

    baskets: Sequence[FullBasket] | Sequence[BasketSummary]
    full: bool

    def full_baskets(self) -> Sequence[FullBasket]:
        """Returns the baskets of a full read."""
        return [basket for basket in self.baskets if isinstance(basket, FullBasket)]


_ITEM = ("item_ids", "prices", "product_ids", "product_revisions", "refreshed_at")
_PART = ("part_items", "part_divisions", "part_quantities")

Lists = Sequence[Sequence[Any]]


def _lists(row: Row, array: str, names: Sequence[str]) -> Lists:
    """Returns columns that are lists, of equal length."""
    try:
        # Null stands for no rows at all.
        return [row[name] or () for name in names]
    except IndexError:
        # A row of SQLite has one JSON array of all the columns instead.
        return tuple(zip(*orjson.loads(row[array]), strict=True)) or ((),) * len(names)


def _sort_by_item(parts: Lists) -> Lists:
    """Returns parts in the order of their items, those of one item in the order first added."""
    part_items = parts[0]
    if list(part_items) == sorted(part_items):
        return parts
    order = sorted(range(len(part_items)), key=part_items.__getitem__)
    return [[values[index] for index in order] for values in parts]
