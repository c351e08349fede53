"""The items of a basket as rows, and how a compiled selection is answered from them without making objects."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, overload

import strawberry
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType

from models.basket.read import ITEM, ITEM_PRICE, PRODUCT, QUANTITIES
from models.database.statement import moment_text
from models.division import division_of
from models.money import amount_text
from schema.basket_item import BasketItem
from schema.division import Division
from schema.execution.selection import FieldDetailsList, SelectionWriter
from schema.node import IdKind, id_expression, id_of, number_of, product_id
from schema.product import variants_of

_ROW = (
    "item_id, item_price, _, _, remote_id, sku, name, price, currency, variants, "
    "product_image, in_stock, refreshed_at"
)
"""The columns of an item, in the order of `items_of`."""

# What is answered for each plain field, from the columns, the sum `quantity` and, for a division, its `number`.
_ITEM_FIELDS = {
    "id": id_expression(IdKind.BASKET_ITEM, "item_id"),
    "product_remote_id": "remote_id",
    "price": "amount_text(item_price)",
    # The quantities of very many divisions may together be no Int any more.
    "quantity": "(quantity if quantity <= 2147483647 else unusual(quantity))",
    "total_amount": "amount_text(item_price * quantity)",
}
_PRODUCT_FIELDS = {
    "id": f"({id_expression(IdKind.PRODUCT_SNAPSHOT, 'item_id')} if is_submitted "
    f"else {id_expression(IdKind.PRODUCT, 'remote_id')} + in_segment)",
    "remote_id": "remote_id",
    "sku": "sku",
    "name": "name",
    "price": "amount_text(price)",
    "currency": "currency",
    "variants": "variants_of(variants)",
    "product_image": "product_image",
    "in_stock": "True if in_stock else False",
    "refreshed_at": "moment_text(refreshed_at)",
}
_PART_FIELDS = {
    "id": id_expression(IdKind.BASKET_ITEM_DIVISION, "item_id", "key"),
    "quantity": "number",
    "total_amount": "amount_text(item_price * number)",
}


class Parts(NamedTuple):
    """The quantities of an item: for which divisions, by id, how many pieces each, and their sum."""

    divisions: Sequence[str]
    numbers: Sequence[int]
    quantity: int


@lru_cache(16_384)
def parts_of(text: str) -> Parts:
    """Reads QUANTITIES. Most items have one of few texts: one or two divisions, and few pieces."""
    words = text.split(" ")
    numbers = [int(number) for number in words[1::2]]
    return Parts(words[::2], numbers, sum(numbers))


@lru_cache(4_096)
def _division(columns: tuple[Any, ...]) -> Division:
    """Makes a division from its columns. The same columns get the same object: it is for reading only."""
    return Division.of(division_of(columns))


class ItemRows(Sequence[BasketItem]):
    """The items of a basket as they were read, made into answers only when someone looks at them."""

    def __init__(
        self,
        rows: Sequence[tuple[Any, ...]],
        division_columns: Sequence[Sequence[Any]],
        *,
        segment: int,
        is_submitted: bool,
    ) -> None:
        self.rows = rows
        self.segment = segment
        self.is_submitted = is_submitted
        self.parts = [parts_of(row[QUANTITIES]) for row in rows]
        self._division_columns = division_columns

    @property
    def quantity(self) -> int:
        """The sum of all quantities."""
        return sum([parts.quantity for parts in self.parts])

    @property
    def amount(self) -> int:
        """The sum of all amounts, in hundredths."""
        return sum(
            [
                row[ITEM_PRICE] * parts.quantity
                for row, parts in zip(self.rows, self.parts, strict=True)
            ]
        )

    @cached_property
    def divisions(self) -> dict[str, Division]:
        """The divisions of all items, by their ids."""
        return {
            str(columns[0]): _division(tuple(columns)) for columns in self._division_columns
        }

    @cached_property
    def _items(self) -> list[BasketItem]:
        return self._made(slice(None))

    def _made(self, part: slice) -> list[BasketItem]:
        each = zip(self.rows[part], self.parts[part], strict=True)
        return [
            BasketItem.of(row, self._product_id(row), *parts, self.divisions)
            for row, parts in each
        ]

    def _product_id(self, row: Sequence[Any]) -> strawberry.ID:
        if self.is_submitted:
            return id_of(IdKind.PRODUCT_SNAPSHOT, row[ITEM])
        return product_id(row[PRODUCT], self.segment)

    @overload
    def __getitem__(self, index: int) -> BasketItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[BasketItem]: ...
    def __getitem__(self, index: int | slice) -> BasketItem | list[BasketItem]:
        return self._made(index) if isinstance(index, slice) else self._items[index]

    @classmethod
    def write_rows(
        cls,
        writer: SelectionWriter,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
    ) -> str:
        """Writes the function that answers a selection of items from their rows, and returns its name."""
        return _RowWriter(writer).items(return_type, details)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[BasketItem]:
        return iter(self._items)


def numbers_of(items: Sequence[BasketItem]) -> list[int]:
    """Returns the numbers of items, by which they are ordered."""
    if isinstance(items, ItemRows):
        return [row[ITEM] for row in items.rows]
    return [number_of(IdKind.BASKET_ITEM, item.id) or 0 for item in items]


class _RowWriter:
    """Writes one function from ItemRows to the list of their answers: a loop, whose variables are found quickest."""

    def __init__(self, writer: SelectionWriter) -> None:
        self._writer = writer
        self._before = [
            "is_submitted = items.is_submitted",
            "in_segment = f'_{items.segment}' if items.segment else ''",
        ]
        self._each: list[str] = []
        writer.names |= {
            "amount_text": amount_text,
            "moment_text": moment_text,
            "variants_of": variants_of,
        }

    def items(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        answer = self._mapping(return_type, details, _ITEM_FIELDS)
        loop = f"for ({_ROW}), (keys, numbers, quantity) in zip(items.rows, items.parts):"
        each = [f"    {line}" for line in (*self._each, f"answers.append({answer})")]
        return self._writer.define(
            "items", [*self._before, "answers = []", loop, *each, "return answers"]
        )

    def _mapping(
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        columns: Mapping[str, str],
    ) -> str:
        object_type = _object_type(return_type)
        pairs = []
        for key, name, field, below in self._writer.fields(object_type, details):
            if field is None:
                pairs.append(f"{key!r}: {object_type.name!r}")
            else:
                pairs.append(
                    f"{key!r}: {columns[name] if name in columns else self._below(name, field.type, below)}"
                )
        return f"{{{', '.join(pairs)}}}"

    def _below(
        self, name: str, return_type: GraphQLOutputType, details: FieldDetailsList
    ) -> str:
        if name == "product":
            return self._mapping(return_type, details, _PRODUCT_FIELDS)
        if name == "divisions":
            return self._divisions(return_type, details)
        return self._division(return_type, details)

    def _divisions(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        parts = self._writer.fresh("parts")
        part = self._mapping(return_type, details, _PART_FIELDS)
        self._each += [
            f"{parts} = []",
            "for key, number in zip(keys, numbers):",
            f"    {parts}.append({part})",
        ]
        return parts

    def _division(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        # Few divisions stand below many items: each is answered once, and the answer is shared.
        known = self._writer.fresh("divisions")
        answer = self._writer.value(return_type, details, "division")
        self._before.append(
            f"{known} = {{key: {answer} for key, division in items.divisions.items()}}"
        )
        return f"{known}[key]"


def _object_type(return_type: GraphQLOutputType) -> GraphQLObjectType:
    while isinstance(return_type, GraphQLNonNull | GraphQLList):
        return_type = return_type.of_type
    if not isinstance(return_type, GraphQLObjectType):
        raise TypeError(f"{return_type} has no fields.")
    return return_type
