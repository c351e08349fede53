"""The items of a basket as rows, and the JSON of a selection of them, written without objects.

A compiled selection becomes one function from ItemRows to the JSON text of their list. The texts of
products and divisions, which many items and requests show alike, are stored with the cached rows.

The texts hold each byte of UTF-8 as the character of that number, Latin-1: so they are joined at
one byte per character, and become bytes at the end by a copy, whatever the names of products hold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, overload

import orjson
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType

from models.basket.rows import FullBasket, Parts
from models.basket.tables import BasketStatus
from models.database.columns import ColumnKind
from models.database.row_cache import CachedRow
from models.division import division_from_row
from models.money import format_amount
from models.timestamps import format_timestamp
from schema import product
from schema.basket_item import BasketItem, BasketItemDivision
from schema.columns import parse_stored_json
from schema.division import Division
from schema.execution.item_texts import complete_texts
from schema.execution.selection import FieldDetailsList, SelectionWriter
from schema.node import IdKind, number_of
from schema.product import product_id

# The JSON of each plain field of an item, as a piece of an f-string over its variables.
_ITEM_FIELDS = {
    "id": f'"{IdKind.BASKET_ITEM}_{{item_id}}"',
    "product_remote_id": "{product.columns['remote_id']}",
    "price": '"{format_amount(price)}"',
    # The quantities of very many divisions may together be no Int any more.
    "quantity": "{quantity if quantity <= 2147483647 else unusual(quantity)}",
    "total_amount": '"{format_amount(price * quantity)}"',
}
_PART_FIELDS = {
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
_PRODUCT_FIELDS = {
    name: _VALUES[kind].format(name=name) for name, kind in product.FIELDS.items()
} | {"id": "identifier", "refreshed_at": "format_timestamp(refreshed_at)"}


def _check_fields(graphql_type: type[Any], *names: str) -> None:
    """Raises TypeError, at import, for a field of a type that no expression is written for."""
    if missing := {field.name for field in fields(graphql_type)} - set(names):
        raise TypeError(f"{graphql_type.__name__} has no expression for {sorted(missing)}.")


_check_fields(BasketItem, *_ITEM_FIELDS, "product", "divisions")
_check_fields(BasketItemDivision, *_PART_FIELDS, "division")


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

    @classmethod
    def write_rows(
        cls,
        writer: SelectionWriter,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
    ) -> str:
        """Writes the function from ItemRows to the JSON of a selection, and returns its name."""
        return _RowWriter(writer).write_items(return_type, details)

    def __len__(self) -> int:
        return len(self.basket.item_ids)

    def __iter__(self) -> Iterator[BasketItem]:
        return iter(self._items)


def numbers_of(items: Sequence[BasketItem]) -> Sequence[int]:
    """Returns the numbers of items, by which they are ordered."""
    if isinstance(items, ItemRows):
        return items.numbers
    return [number_of(IdKind.BASKET_ITEM, item.id) or 0 for item in items]


_ITEMS = "basket.item_ids, basket.prices, basket.products, basket.refreshed_at"
_ITEM = "item_id, price, product, refreshed_at"
_LOOP = f"for {_ITEM}, quantity in zip({_ITEMS}, basket.item_quantities):"
_LOOP_WITH_PARTS = f"for {_ITEM} in zip({_ITEMS}):"
_PARTS = f"for item_id, price, product, refreshed_at in zip({_ITEMS}):"
_PARTS = "zip(basket.part_items, basket.part_divisions, basket.part_quantities)"
# Both lists are in the order of the items, so that one pass over each is enough.
_NEXT_PART = "part_item, key, number = next(parts, end)"


class _RowWriter:
    """Writes one function: a loop over the items that joins f-strings."""

    def __init__(self, writer: SelectionWriter) -> None:
        self._writer = writer
        self._before = ["is_submitted = basket.columns['status'] == SUBMITTED"]
        self._each: list[str] = []
        self._parts: dict[str, str] = {}
        writer.names |= {
            "Fragment": orjson.Fragment,
            "complete_texts": complete_texts,
            "SUBMITTED": BasketStatus.SUBMITTED,
            "format_amount": format_amount,
            "division_from_cache": division_from_cache,
            "dumps": orjson.dumps,
            "format_timestamp": format_timestamp,
            "parse_stored_json": parse_stored_json,
            "product_id": product_id,
            "end": (None, None, None),
        }

    def write_items(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        text, loop = self._object(return_type, details, _ITEM_FIELDS), _LOOP
        if self._parts:
            loop = _LOOP_WITH_PARTS
            self._before += [f"parts = {_PARTS}", _NEXT_PART]
            self._each += [
                "quantity = 0",
                *(f"{name} = []" for name in self._parts),
                "while part_item == item_id:",
                "    quantity += number",
                *(f"    {name}.append({part})" for name, part in self._parts.items()),
                f"    {_NEXT_PART}",
            ]
        each = [f"    {line}" for line in (*self._each, f"texts.append({text})")]
        lines = [*self._before, "texts = []", loop, *each, "return texts"]
        made = self._writer.define("basket", lines)
        # The texts are made by functions of this plan, so no other plan may find them by this key.
        key = self._writer.named("selection", object())
        write = f"lambda basket: {made}(basket, variables)"
        lines = [
            f"texts = complete_texts(items.basket, {key}, {write})",
            "return Fragment(f'[{\",\".join(texts)}]'.encode('latin-1'))",
        ]
        return self._writer.define("items", lines)

    def _object(
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        plain: Mapping[str, str],
    ) -> str:
        """Returns the f-string of an object's JSON."""
        object_type = _object_type(return_type)
        pairs = []
        for key, name, field, below in self._writer.fields(object_type, details):
            if field is None:
                text = f'"{object_type.name}"'
            else:
                text = (
                    plain[name] if name in plain else self._below(name, field.type, below)
                )
            pairs.append(f'"{key}":{text}')
        return f"f'''{{{{{','.join(pairs)}}}}}'''"

    def _below(
        self, name: str, return_type: GraphQLOutputType, details: FieldDetailsList
    ) -> str:
        if name == "product":
            return self._product(return_type, details)
        if name == "divisions":
            return self._divisions(return_type, details)
        return self._division(return_type, details)

    def _product(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        object_type = _object_type(return_type)
        pairs, names = [], []
        for key, name, field, _ in self._writer.fields(object_type, details):
            value = repr(object_type.name) if field is None else _PRODUCT_FIELDS[name]
            pairs.append(f"{key!r}: {value}")
            names.append(name)
        selection = f"{{{', '.join(pairs)}}}"
        made = self._writer.define(
            "columns, identifier, refreshed_at",
            [f"return dumps({selection}).decode('latin-1')"],
        )
        text, key = (
            self._writer.fresh("product"),
            self._writer.named("selection", selection),
        )
        # The revision does not cover `refreshedAt`: the text is stored with the value in it.
        value = "refreshed_at" if "refreshed_at" in names else "None"
        # The product of an item of a submitted basket has an id by the item.
        by_item = "is_submitted" if "id" in names else "False"
        self._each += [
            f"stored = product.texts.get({key})",
            f"if stored is None or stored[0] != {value} or {by_item}:",
            f"    identifier = product_id(product.columns, item_id if {by_item} else None)",
            f"    {text} = {made}(product.columns, identifier, refreshed_at, variables)",
            f"    if not {by_item}: product.store_text({key}, {text}, {value})",
            "else:",
            f"    {text} = stored[1]",
        ]
        return f"{{{text}}}"

    def _divisions(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        name = self._writer.fresh("divisions")
        self._parts[name] = self._object(return_type, details, _PART_FIELDS)
        return f"[{{','.join({name})}}]"

    def _division(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        # Few divisions stand below many items: each is looked up once per basket.
        texts, division = self._writer.fresh("divisions"), "division_from_cache(row)"
        value = self._writer.value(return_type, details, division)
        # The text is made by functions of this plan, so no other plan may find it by this key.
        key = self._writer.named("selection", object())
        made = self._writer.define(
            "row", [f"return row.store_text({key}, dumps({value}).decode('latin-1'))"]
        )
        self._before.append(
            f"{texts} = {{id: (row.texts.get({key}) or {made}(row, variables))[1] "
            "for id, row in basket.divisions.items()}"
        )
        return f"{{{texts}[key]}}"


def _object_type(return_type: GraphQLOutputType) -> GraphQLObjectType:
    while isinstance(return_type, GraphQLNonNull | GraphQLList):
        return_type = return_type.of_type
    if not isinstance(return_type, GraphQLObjectType):
        raise TypeError(f"{return_type} has no fields.")
    return return_type
