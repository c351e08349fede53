"""Baskets as the documented interface writes them, made from rows in one pass."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.basket.read import (
    HEAD,
    HEAD_DIVISIONS,
    ITEM_PRICE,
    PRODUCT,
    QUANTITIES,
    items_of,
    totals_of,
)
from models.database.statement import Row
from models.money import amount_text

# The columns of a whole read, by place: reading by name costs half as much again.
_SKU, _NAME, _PRICE, _CURRENCY, _VARIANTS, _IMAGE = range(PRODUCT + 1, PRODUCT + 7)
_NO_VARIANTS = "{}"
_NO_HEAD = [None] * (HEAD_DIVISIONS + 1)
_ID, _DRAFT_NAME, _SEGMENT = 0, 2, 3
"""Where in the head of a read these stand."""

Json = dict[str, Any]


def basket_answer(rows: Sequence[Row]) -> Json:
    """Writes the basket that the rows of a whole read belong to, or the one that is not there yet."""
    head: Sequence[Any] = orjson.loads(rows[0][HEAD]) if rows else _NO_HEAD
    divisions = {str(columns[0]): columns for columns in head[HEAD_DIVISIONS] or ()}
    held = items_of(rows[0]) if rows else []
    items = [_item_of(row, divisions) for row in held]
    amount = quantity = 0
    for row, item in zip(held, items, strict=True):
        amount += row[ITEM_PRICE] * item["quantity"]
        quantity += item["quantity"]
    return {
        "id": head[_ID],
        "total_amount": amount_text(amount),
        "total_quantity": quantity,
        "basket_items": items,
        "segment_remote_id": head[_SEGMENT] or None,
    }


def _item_of(row: Sequence[Any], divisions: Mapping[str, Sequence[Any]]) -> Json:
    price, pairs = row[ITEM_PRICE], row[QUANTITIES].split(" ")
    quantities = list(map(int, pairs[1::2]))
    quantity = sum(quantities)
    return {
        "total_amount": amount_text(price * quantity),
        "price": amount_text(price),
        "quantity": quantity,
        "divisions": [
            {
                "id": division[0],
                "name": division[1],
                "erp_code": division[2],
                "quantity": number,
            }
            for division, number in zip(
                map(divisions.__getitem__, pairs[::2]), quantities, strict=True
            )
        ],
        "product": _product_of(row),
        "product_remote_id": row[PRODUCT],
    }


def _product_of(row: Sequence[Any]) -> Json:
    """Writes what is known of a product: only the SKU of one that Commerce does not describe; see docs/decisions.md."""
    name, variants, image = row[_NAME], row[_VARIANTS], row[_IMAGE]
    product: Json = {"sku": row[_SKU]}
    if not (name or image) and variants == _NO_VARIANTS:
        return product
    if name:
        product["name"] = name
    product["price"] = amount_text(row[_PRICE])
    product["currency"] = row[_CURRENCY]
    if variants != _NO_VARIANTS:
        product["variants"] = orjson.Fragment(variants)
    if image:
        product["product_image"] = image
    return product


def draft_answers(rows: Sequence[Row], segment: int | None) -> list[Json]:
    """Writes drafts from rows of totals; only those of one segment, if one is given."""
    heads = [orjson.loads(row[HEAD]) for row in rows]
    each = zip(heads, rows, strict=True)
    return [
        _draft_answer(head, row)
        for head, row in each
        if segment is None or head[_SEGMENT] == segment
    ]


def _draft_answer(head: Sequence[Any], row: Row) -> Json:
    totals = totals_of(row)
    return {
        "id": head[_ID],
        "name": head[_DRAFT_NAME],
        "total_amount": amount_number(totals.total_amount),
        "total_quantity": totals.total_quantity,
    }


def amount_number(cents: int) -> orjson.Fragment:
    """Writes hundredths as a JSON number with every digit of them, which a float would not have."""
    return orjson.Fragment(amount_text(cents) if cents % 100 else str(cents // 100))
