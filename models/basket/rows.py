"""Baskets as they were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeVar

import orjson

from models.basket.catalogue import LookUp
from models.basket.contents import Contents, Revisions
from models.basket.contents_cache import KnownContents
from models.database.row_cache import CachedRow
from models.database.statements import Row

Value = TypeVar("Value")


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
    refreshed_at: Sequence[str | None]
    """None where it was not read, because it is not wanted."""
    part_items: Sequence[int]
    part_divisions: Sequence[int]
    part_quantities: Sequence[int]
    divisions: Mapping[int, CachedRow]
    revisions: Revisions | None = None
    """The revisions of products and divisions; None unless the read was a full one."""
    known: KnownContents | None = None
    """The contents that this process keeps of the basket, with the texts made of them."""

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
            Revisions(products, revisions, row["division_revision"]),
        )

    @classmethod
    def from_contents(
        cls,
        known: KnownContents,
        sorted_revisions: Sequence[int],
        division_revision: int,
        look_up: LookUp,
    ) -> Self:
        """Returns the basket of known contents, with revisions in the order of the products."""
        contents = known.contents
        ids = contents.product_ids
        by_product = dict(zip(sorted(ids), sorted_revisions, strict=True))
        revisions = [by_product[product_id] for product_id in ids]
        return cls(
            contents.columns,
            contents.item_ids,
            contents.prices,
            look_up.find_products(ids, revisions),
            [None] * len(ids),
            contents.part_items,
            contents.part_divisions,
            contents.part_quantities,
            look_up.find_divisions(set(contents.part_divisions), division_revision),
            Revisions(ids, revisions, division_revision),
            known,
        )

    def contents(self) -> Contents | None:
        """Returns the contents of a full read; None on SQLite, where divisions have no revision."""
        if self.revisions is None or self.revisions.divisions is None:
            return None
        return Contents.of(
            self.columns,
            self.item_ids,
            self.prices,
            self.revisions.product_ids,
            self.part_items,
            self.part_divisions,
            self.part_quantities,
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

    def pick(self, indexes: Sequence[int]) -> Self:
        """Returns the basket with the items at these indexes only."""
        if len(indexes) == len(self.item_ids):
            return self
        item_ids = _take(self.item_ids, indexes)
        picked = set(item_ids)
        parts = [
            index for index, item_id in enumerate(self.part_items) if item_id in picked
        ]
        return type(self)(
            self.columns,
            item_ids,
            _take(self.prices, indexes),
            _take(self.products, indexes),
            _take(self.refreshed_at, indexes),
            _take(self.part_items, parts),
            _take(self.part_divisions, parts),
            _take(self.part_quantities, parts),
            self.divisions,
        )

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


StoredChange = tuple[int, Any]
"""A version of a basket, and its lines as `models/history/lines.py` reads them."""


@dataclass(slots=True)
class BasketSince:
    """A basket with its changes since a version, and with the items that they name, or all items.

    It has all items where these were asked for, or where the changes do not reach back so far.
    """

    columns: Mapping[str, Any]
    """The columns of the basket by name."""
    items: FullBasket | None
    """None at the version itself, unless the items were asked for."""
    has_all_items: bool
    changes: Sequence[StoredChange]
    """The changes since then, oldest first; none where they are too many."""
    revisions: Revisions | None = None
    """The revisions of the products of the items, and of divisions."""

    @classmethod
    def from_row(cls, row: Row, look_up: LookUp) -> Self:
        """Returns the basket of a row of a read since a version."""
        columns, since = orjson.loads(row["basket"]), row["since"]
        if since is None:
            return cls(columns, None, has_all_items=False, changes=())
        found = orjson.loads(since)
        items, revisions = _items_from_parts(
            columns, sorted(found["parts"]), found["division_revision"], look_up
        )
        # SQLite has numbers for true and false.
        has_all_items = bool(found["has_all_items"])
        return cls(columns, items, has_all_items, sorted(found["changes"]), revisions)


def _items_from_parts(
    columns: Mapping[str, Any],
    parts: Sequence[Sequence[Any]],
    division_revision: int | None,
    look_up: LookUp,
) -> tuple[FullBasket, Revisions]:
    """Returns the basket of rows that have the columns of an item with each of its parts.

    The ids come first in them: sorted, they are in the order of items, and within one of parts.
    """
    items, _, prices, products, revisions, refreshed_at, divisions, quantities = (
        zip(*parts, strict=True) if parts else ((),) * 8
    )
    firsts = [
        place for place, item in enumerate(items) if item not in items[place - 1 : place]
    ]
    shown = Revisions(_take(products, firsts), _take(revisions, firsts), division_revision)
    basket = FullBasket(
        columns,
        _take(items, firsts),
        _take(prices, firsts),
        look_up.find_products(shown.product_ids, shown.products),
        _take(refreshed_at, firsts),
        list(items),
        divisions,
        quantities,
        look_up.find_divisions(set(divisions), division_revision),
    )
    return basket, shown


def _take(values: Sequence[Value], indexes: Sequence[int]) -> list[Value]:
    return [values[index] for index in indexes]


class BasketRows(NamedTuple):
    """The baskets of one read; `full` says whether they have all their items."""

    baskets: Sequence[FullBasket] | Sequence[BasketSince] | Sequence[BasketSummary]
    full: bool

    def full_baskets(self) -> Sequence[FullBasket]:
        """Returns the baskets that have all their items."""
        baskets = [
            basket.items if isinstance(basket, BasketSince) else basket
            for basket in self.baskets
        ]
        return [
            basket for basket in baskets if self.full and isinstance(basket, FullBasket)
        ]


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
