"""The items of a basket as the rows that were read, and how each of their fields is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, overload

from models.basket.rows import FullBasket, Parts
from models.database.columns import ColumnKind
from models.database.row_cache import CachedRow
from models.division import division_from_row
from models.money import format_amount
from models.timestamps import format_timestamp
from schema import product
from schema.basket_item import BasketItem, BasketItemDivision
from schema.columns import parse_stored_json
from schema.division import Division
from schema.node import IdKind, number_of
from schema.product import product_id

# The JSON of each plain field of an item, as a piece of an f-string over its variables.
ITEM_TEXTS = {
    "__typename": '"BasketItem"',
    "id": f'"{IdKind.BASKET_ITEM}_{{item_id}}"',
    "product_remote_id": "{product.columns['remote_id']}",
    "price": '"{format_amount(price)}"',
    # The quantities of very many divisions may together be no Int any more.
    "quantity": "{quantity if quantity <= 2147483647 else unusual(quantity)}",
    "total_amount": '"{format_amount(price * quantity)}"',
}
PART_TEXTS = {
    "__typename": '"BasketItemDivision"',
    "id": f'"{IdKind.BASKET_ITEM_DIVISION}_{{item_id}}_{{key}}"',
    "quantity": "{number}",
    "total_amount": '"{format_amount(price * number)}"',
}
# The value of each kind of column, as an expression over the columns of a product.
_VALUES = {
    ColumnKind.PLAIN: "columns[{name!r}]",
    ColumnKind.MONEY: "format_amount(columns[{name!r}])",
    ColumnKind.BOOLEAN: "bool(columns[{name!r}])",
    ColumnKind.TIMESTAMP: "format_timestamp(columns[{name!r}])",
    ColumnKind.JSON: "parse_stored_json(columns[{name!r}])",
}
PRODUCT_VALUES = {
    name: _VALUES[kind].format(name=name) for name, kind in product.FIELDS.items()
} | {
    "__typename": "'Product'",
    "id": "product_id(columns, item_id if is_submitted else None)",
    "refreshed_at": "format_timestamp(refreshed_at)",
}


def _check_fields(graphql_type: type[Any], *names: str) -> None:
    """Raises TypeError, at import, for a field of a type that no expression is written for."""
    if missing := {field.name for field in fields(graphql_type)} - set(names):
        raise TypeError(f"{graphql_type.__name__} has no expression for {sorted(missing)}.")


_check_fields(BasketItem, *ITEM_TEXTS, "product", "divisions")
_check_fields(BasketItemDivision, *PART_TEXTS, "division")


def division_from_cache(row: CachedRow) -> Division:
    """Makes a division from a cached row."""
    return Division.of(division_from_row(row.columns))


class ItemRows(Sequence[BasketItem]):
    """The items of a basket as they were read, made into objects only when someone uses them."""

    def __init__(self, basket: FullBasket) -> None:
        self.basket = basket

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the items, by which they are ordered."""
        return self.basket.item_ids

    @cached_property
    def _divisions(self) -> dict[int, Division]:
        return {key: division_from_cache(row) for key, row in self.basket.divisions.items()}

    @cached_property
    def _parts(self) -> Sequence[Parts]:
        return self.basket.group_parts()

    @cached_property
    def _items(self) -> list[BasketItem]:
        return self._made(range(len(self)))

    def _made(self, indexes: range) -> list[BasketItem]:
        return [
            BasketItem.of(self.basket, index, self._parts[index], self._divisions)
            for index in indexes
        ]

    @overload
    def __getitem__(self, index: int) -> BasketItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[BasketItem]: ...
    def __getitem__(self, index: int | slice) -> BasketItem | list[BasketItem]:
        if isinstance(index, slice):
            # A page makes its own items only, not all those of the basket.
            return self._made(range(len(self))[index])
        return self._items[index]

    def __len__(self) -> int:
        return len(self.basket.item_ids)

    def __iter__(self) -> Iterator[BasketItem]:
        return iter(self._items)


def numbers_of(items: Sequence[BasketItem]) -> Sequence[int]:
    """Returns the numbers of items, by which they are ordered."""
    if isinstance(items, ItemRows):
        return items.numbers
    return [number_of(IdKind.BASKET_ITEM, item.id) or 0 for item in items]


NAMES: Mapping[str, Any] = {
    "ItemRows": ItemRows,
    "division_from_cache": division_from_cache,
    "format_amount": format_amount,
    "format_timestamp": format_timestamp,
    "parse_stored_json": parse_stored_json,
    "product_id": product_id,
}
"""The names that are used where the fields are written from rows."""
