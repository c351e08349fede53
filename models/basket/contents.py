"""The contents of a basket at one version, and how a change makes the next ones of them."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeAlias

from models.database.statements import Row

_CONTENTS_BYTES = 2_500
"""The size of contents besides their lists: the columns of the basket, and the objects."""
_NUMBER_BYTES = 8
"""The size of a number in an array."""
_TEXT_BYTES = 110
"""The size of a text besides its characters, and of the revision that it was made at."""


def name_state(columns: Mapping[str, Any]) -> list[Any]:
    """Returns what tells a version of a basket from all others: its id, version and time."""
    return [columns["id"], columns["version"], columns["updated_at"]]


class Revisions(NamedTuple):
    """The products of a basket's items with their revisions, and the revision of all divisions."""

    product_ids: Sequence[int]
    products: Sequence[int]
    divisions: int | None
    """None on SQLite, which has none."""


class ItemTexts(NamedTuple):
    """The JSON of each item for one selection, at revisions of products and of all divisions.

    An item that has changed since has None.
    """

    selection: object
    texts: tuple[str | None, ...]
    products: tuple[int | None, ...]
    divisions: int | None

    def find(self, selection: object, now: Revisions) -> list[str | None] | None:
        """Returns the texts that are good for these revisions, None for others or for all."""
        if (self.selection, self.divisions) != (selection, now.divisions):
            return None
        if self.products == tuple(now.products):
            return list(self.texts)
        pairs = zip(self.texts, self.products, now.products, strict=True)
        return [text if before == revision else None for text, before, revision in pairs]


Numbers: TypeAlias = "array[int]"
"""Numbers of 64 bits: a fifth of a list, and nothing for the garbage collector to look at."""


@dataclass(slots=True)
class Contents:
    """The columns of a basket at one version, and those of its items and their parts by column.

    Items are in the order of their ids, parts in that of their items, and those of one item in the
    order first added. Revisions of products and divisions are no part of a version.
    """

    columns: Mapping[str, Any]
    item_ids: Numbers
    prices: Numbers
    product_ids: Numbers
    part_items: Numbers
    part_divisions: Numbers
    part_quantities: Numbers
    texts: ItemTexts | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, columns: Mapping[str, Any], *lists: Sequence[int]) -> Self:
        """Returns contents of lists, which are in the order of the fields."""
        return cls(columns, *(array("q", numbers) for numbers in lists))

    @classmethod
    def from_row(cls, columns: Mapping[str, Any], row: Row) -> Self:
        """Returns the contents that a function has read."""
        names = ("item_ids", "prices", "product_ids")
        parts = ("part_items", "part_divisions", "part_quantities")
        return cls.of(columns, *(row[name] for name in (*names, *parts)))

    @property
    def state(self) -> list[Any]:
        """What tells this version of the basket from all others."""
        return name_state(self.columns)

    @property
    def size(self) -> int:
        """The bytes that the contents take at the most."""
        numbers = 3 * (len(self.item_ids) + len(self.part_items))
        size = _CONTENTS_BYTES + _NUMBER_BYTES * numbers
        if self.texts is not None:
            size += sum(_TEXT_BYTES + len(text or "") for text in self.texts.texts)
        return size

    def changed(self, columns: Mapping[str, Any], row: Row) -> "Contents":
        """Returns the contents after a change, of which the row has a part for each entry."""
        new = _ContentsChange(self)
        for item_id, price, product_id, division_id, quantity in zip(
            row["item_ids"],
            row["prices"],
            row["product_ids"],
            row["part_divisions"],
            row["part_quantities"],
            strict=True,
        ):
            new.set_item(item_id, price, product_id)
            new.set_part(item_id, division_id, quantity)
        return new.contents(columns)


class _ContentsChange:
    """Copies of the numbers of contents, which are in use elsewhere and never change."""

    def __init__(self, before: Contents) -> None:
        self._item_ids = before.item_ids[:]
        self._prices = before.prices[:]
        self._product_ids = before.product_ids[:]
        self._part_items = before.part_items[:]
        self._part_divisions = before.part_divisions[:]
        self._part_quantities = before.part_quantities[:]
        self._kept = before.texts
        self._texts = list(before.texts.texts) if before.texts else []
        self._revisions = list(before.texts.products) if before.texts else []

    def set_item(self, item_id: int, price: int, product_id: int) -> None:
        """Puts an item in its place, if it is a new one, and drops the text of an older one."""
        index = bisect_left(self._item_ids, item_id)
        if index == len(self._item_ids) or self._item_ids[index] != item_id:
            self._item_ids.insert(index, item_id)
            self._prices.insert(index, price)
            self._product_ids.insert(index, product_id)
            self._texts.insert(index, None)
            self._revisions.insert(index, None)
        elif self._kept:
            self._texts[index] = None

    def set_part(self, item_id: int, division_id: int, quantity: int) -> None:
        """Sets the quantity of an item for a division; a new part is the last one of its item."""
        first = bisect_left(self._part_items, item_id)
        end = bisect_right(self._part_items, item_id, first)
        divisions = self._part_divisions[first:end]
        if division_id in divisions:
            self._part_quantities[first + divisions.index(division_id)] = quantity
        else:
            self._part_items.insert(end, item_id)
            self._part_divisions.insert(end, division_id)
            self._part_quantities.insert(end, quantity)

    def contents(self, columns: Mapping[str, Any]) -> Contents:
        """Returns the contents after the change."""
        kept = self._kept
        return Contents(
            columns,
            self._item_ids,
            self._prices,
            self._product_ids,
            self._part_items,
            self._part_divisions,
            self._part_quantities,
            texts=kept
            and kept._replace(texts=tuple(self._texts), products=tuple(self._revisions)),
        )
