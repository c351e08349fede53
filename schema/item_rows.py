"""The items of a basket as rows, and how a compiled selection is answered from them without making objects."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, overload

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType

from models.basket_reading import ITEM, ITEM_PRICE, PRODUCT, QUANTITIES
from models.division import division_of
from models.money import amount_text
from models.statement import moment_text
from schema.basket_item import BasketItem
from schema.division import Division
from schema.product import variants_of
from schema.selection import FieldDetailsList, SelectionWriter

# What is answered for each plain field, from `row`, its `parts` and their sum `quantity`.
_ITEM_FIELDS = {
    "id": f"str(row[{ITEM}])",
    "product_remote_id": f"row[{PRODUCT}]",
    "price": f"amount_text(row[{ITEM_PRICE}])",
    # The quantities of very many divisions may together be no Int any more.
    "quantity": "(quantity if quantity <= 2147483647 else unusual(quantity))",
    "total_amount": f"amount_text(row[{ITEM_PRICE}] * quantity)",
}
_PRODUCT_FIELDS = {
    "remote_id": f"row[{PRODUCT}]",
    "sku": f"row[{PRODUCT + 1}]",
    "name": f"row[{PRODUCT + 2}]",
    "price": f"amount_text(row[{PRODUCT + 3}])",
    "currency": f"row[{PRODUCT + 4}]",
    "variants": f"variants_of(row[{PRODUCT + 5}])",
    "product_image": f"row[{PRODUCT + 6}]",
    "in_stock": f"bool(row[{PRODUCT + 7}])",
    "refreshed_at": f"moment_text(row[{PRODUCT + 8}])",
}
_PART_FIELDS = {"quantity": "int(number)", "total_amount": f"amount_text(row[{ITEM_PRICE}] * int(number))"}


@lru_cache(4_096)
def _division(columns: tuple[Any, ...]) -> Division:
    """Makes a division from its columns. The same columns get the same object: it is for reading only."""
    return Division.of(division_of(columns))


class ItemRows(Sequence[BasketItem]):
    """The items of a basket as they were read, made into answers only when someone looks at them.

    `parts` holds for each row the quantities, split: division, pieces, division, pieces; `quantities` their sums.
    """

    def __init__(self, rows: Sequence[tuple[Any, ...]], division_columns: Sequence[Sequence[Any]]) -> None:
        self.rows = rows
        self.parts: list[list[str]] = [row[QUANTITIES].split(" ") for row in rows]
        self.quantities = [sum(map(int, part[1::2])) for part in self.parts]
        self._division_columns = division_columns

    @cached_property
    def divisions(self) -> dict[str, Division]:
        """The divisions of all items, by their ids."""
        return {str(columns[0]): _division(tuple(columns)) for columns in self._division_columns}

    @cached_property
    def _items(self) -> list[BasketItem]:
        each = zip(self.rows, self.parts, self.quantities, strict=True)
        return [BasketItem.of(row, parts, quantity, self.divisions) for row, parts, quantity in each]

    @overload
    def __getitem__(self, index: int) -> BasketItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[BasketItem]: ...
    def __getitem__(self, index: int | slice) -> BasketItem | list[BasketItem]:
        return self._items[index]

    @classmethod
    def write_rows(cls, writer: SelectionWriter, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        """Writes the function that answers a selection of items from their rows, and returns its name."""
        return _RowWriter(writer).items(return_type, details)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[BasketItem]:
        return iter(self._items)


class _RowWriter:
    """Writes one function from ItemRows to the list of their answers."""

    def __init__(self, writer: SelectionWriter) -> None:
        self._writer = writer
        self._preparations: list[str] = []
        writer.names |= {"amount_text": amount_text, "moment_text": moment_text, "variants_of": variants_of}

    def items(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        answer = self._mapping(return_type, details, _ITEM_FIELDS)
        each = "for row, parts, quantity in zip(items.rows, items.parts, items.quantities)"
        return self._writer.define("items", [*self._preparations, f"return [{answer} {each}]"])

    def _mapping(self, return_type: GraphQLOutputType, details: FieldDetailsList, columns: Mapping[str, str]) -> str:
        object_type = _object_type(return_type)
        pairs = []
        for key, name, field, below in self._writer.fields(object_type, details):
            if field is None:
                pairs.append(f"{key!r}: {object_type.name!r}")
            else:
                pairs.append(f"{key!r}: {columns[name] if name in columns else self._below(name, field.type, below)}")
        return f"{{{', '.join(pairs)}}}"

    def _below(self, name: str, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        if name == "product":
            return self._mapping(return_type, details, _PRODUCT_FIELDS)
        if name == "divisions":
            part = self._mapping(return_type, details, _PART_FIELDS)
            return f"[{part} for identifier, number in zip(parts[::2], parts[1::2])]"
        return self._division(return_type, details)

    def _division(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        # Few divisions stand below many items: each is answered once, and the answer is shared.
        known = self._writer.fresh("divisions")
        answer = self._writer.value(return_type, details, "division")
        self._preparations.append(f"{known} = {{key: {answer} for key, division in items.divisions.items()}}")
        return f"{known}[identifier]"


def _object_type(return_type: GraphQLOutputType) -> GraphQLObjectType:
    while isinstance(return_type, GraphQLNonNull | GraphQLList):
        return_type = return_type.of_type
    if not isinstance(return_type, GraphQLObjectType):
        raise TypeError(f"{return_type} has no fields.")
    return return_type
