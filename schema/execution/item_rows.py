"""Selections of a basket's items, written as JSON from their rows, without objects.

A compiled selection becomes one function from ItemRows to the JSON text of their list. The texts of
products and divisions, which many items and requests show alike, are stored with the cached rows.

The texts hold each byte of UTF-8 as the character of that number, Latin-1: so they are joined at
one byte per character, and become bytes at the end by a copy, whatever the names of products hold.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLList, GraphQLOutputType, get_named_type
from graphql.execution import Executor

from models.basket.tables import BasketStatus
from schema.execution.item_texts import complete_texts
from schema.execution.selection import FieldDetailsList, SelectionWriter
from schema.item_rows import (
    ITEM_TEXTS,
    NAMES,
    PART_TEXTS,
    PRODUCT_VALUES,
)

_ITEMS = "zip(basket.item_ids, basket.prices, basket.products, basket.refreshed_at)"
_PARTS = "zip(basket.part_items, basket.part_divisions, basket.part_quantities)"
# Both lists are in the order of the items, so that one pass over each is enough.
_NEXT_PART = "part_item, key, number = next(parts, (None, None, None))"


class ItemLoop(NamedTuple):
    """The code of the loop over the items of one selection, as its fields add to it."""

    lines_before: list[str]
    lines_per_item: list[str]
    part_texts: dict[str, str]
    """The text of a part of the item, by the name of the list that takes those of all parts."""


class ItemRowsWriter(SelectionWriter):
    """Writes selections in which a list of a basket's items may be their rows."""

    def __init__(self, executor: Executor[Any]) -> None:
        super().__init__(executor)
        self.names |= {
            **NAMES,
            "dumps": orjson.dumps,
            "Fragment": orjson.Fragment,
            "SUBMITTED": BasketStatus.SUBMITTED,
            "complete_texts": complete_texts,
        }

    def _list(
        self, return_type: GraphQLList[Any], details: FieldDetailsList, raw: str
    ) -> str:
        if get_named_type(return_type).name != "BasketItem":
            return super()._list(return_type, details, raw)
        items = self.fresh("value")
        from_objects = super()._list(return_type, details, items)
        from_rows = self.write_items(return_type, details)
        return (
            f"({from_rows}({items}, variables) "
            f"if ({items} := {raw}).__class__ is ItemRows else {from_objects})"
        )

    def write_items(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> str:
        """Writes the function from ItemRows to the JSON of a selection, and returns its name."""
        loop = ItemLoop([], [], {})
        text = self._text(return_type, details, ITEM_TEXTS, loop)
        lines = [
            "is_submitted = basket.columns['status'] == SUBMITTED",
            *loop.lines_before,
            f"parts = {_PARTS}",
            _NEXT_PART,
            "texts = []",
            f"for item_id, price, product, refreshed_at in {_ITEMS}:",
            "    quantity = 0",
            *(f"    {name} = []" for name in loop.part_texts),
            "    while part_item == item_id:",
            "        quantity += number",
            *(f"        {name}.append({part})" for name, part in loop.part_texts.items()),
            f"        {_NEXT_PART}",
            *(f"    {line}" for line in loop.lines_per_item),
            f"    texts.append({text})",
            "return texts",
        ]
        made = self.define("basket", lines)
        # The texts are made by functions of this plan, so no other plan may find them by this key.
        key = self.named("selection", object())
        write = f"lambda basket: {made}(basket, variables)"
        lines = [
            f"texts = complete_texts(items.basket, {key}, {write})",
            "return Fragment(f'[{\",\".join(texts)}]'.encode('latin-1'))",
        ]
        return self.define("items", lines)

    def _text(
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        plain: Mapping[str, str],
        loop: ItemLoop,
    ) -> str:
        """Returns the f-string of an object's JSON."""
        below = {
            "product": self._product,
            "divisions": self._divisions,
            "division": self._division,
        }
        pairs = []
        for key, name, field, nodes in self.fields(get_named_type(return_type), details):
            text = plain.get(name) or below[name](field.type, nodes, loop)
            pairs.append(f'"{key}":{text}')
        return f"f'''{{{{{','.join(pairs)}}}}}'''"

    def _divisions(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, loop: ItemLoop
    ) -> str:
        name = self.fresh("divisions")
        loop.part_texts[name] = self._text(return_type, details, PART_TEXTS, loop)
        return f"[{{','.join({name})}}]"

    def _product(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, loop: ItemLoop
    ) -> str:
        fields = list(self.fields(get_named_type(return_type), details))
        names = {name for _, name, _, _ in fields}
        pairs = [f"{key!r}: {PRODUCT_VALUES[name]}" for key, name, _, _ in fields]
        selection = f"{{{', '.join(pairs)}}}"
        key, text = self.named("selection", selection), self.fresh("product")
        # The revision does not cover `refreshedAt`: the text is stored with the value in it.
        value = "refreshed_at" if "refreshed_at" in names else "None"
        # The product of an item of a submitted basket has an id by the item.
        is_own = "is_submitted" if "id" in names else "False"
        loop.lines_per_item.extend(
            [
                f"stored = product.texts.get({key})",
                f"if stored is None or stored[0] != {value} or {is_own}:",
                "    columns = product.columns",
                f"    {text} = dumps({selection}).decode('latin-1')",
                f"    if not {is_own}: product.store_text({key}, {text}, {value})",
                "else:",
                f"    {text} = stored[1]",
            ]
        )
        return f"{{{text}}}"

    def _division(
        self, return_type: GraphQLOutputType, details: FieldDetailsList, loop: ItemLoop
    ) -> str:
        # Few divisions stand below many items: each is looked up once per basket.
        texts, value = self.fresh("divisions"), self.value(return_type, details, "division")
        # The text is made by functions of this plan, so no other plan may find it by this key.
        key = self.named("selection", object())
        made = self.define(
            "row",
            [
                "division = division_from_cache(row)",
                f"return row.store_text({key}, dumps({value}).decode('latin-1'))",
            ],
        )
        loop.lines_before.append(
            f"{texts} = {{id: (row.texts.get({key}) or {made}(row, variables))[1] "
            "for id, row in basket.divisions.items()}"
        )
        return f"{{{texts}[key]}}"
