"""Baskets as the documented interface writes them, made from rows in one pass."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.basket_reading import HEAD, HEAD_DIVISIONS, ITEM, ITEM_PRICE, PRODUCT, QUANTITIES, totals_of
from models.money import amount_text
from models.statement import Row

_SKU, _NAME, _PRODUCT_PRICE, _PRODUCT_CURRENCY, _VARIANTS, _IMAGE = range(PRODUCT + 1, PRODUCT + 7)
_ID, _DRAFT_NAME, _SEGMENT = 0, 2, 3
"""Where these stand in a head."""

_NO_VARIANTS = "{}"

Json = dict[str, Any]


def basket_answer(rows: Sequence[Row]) -> Json:
    """Writes the basket that the rows of a whole read belong to, or the one that is not there yet."""
    head = orjson.loads(rows[0][HEAD]) if rows else []
    divisions = {str(columns[0]): columns[:3] for columns in (head[HEAD_DIVISIONS] or ())} if rows else {}
    items = []
    amount = quantity = 0
    for row in rows:
        if row[ITEM] is not None:
            items.append(item := _item_of(row, divisions))
            amount += row[ITEM_PRICE] * item["quantity"]
            quantity += item["quantity"]
    return {
        "id": head[_ID] if rows else None,
        "total_amount": amount_text(amount),
        "total_quantity": quantity,
        "basket_items": items,
        "segment_remote_id": (head[_SEGMENT] or None) if rows else None,
    }


def _item_of(row: Row, divisions: Mapping[str, Sequence[Any]]) -> Json:
    parts = row[QUANTITIES].split(" ")
    numbers = [int(number) for number in parts[1::2]]
    quantity = sum(numbers)
    return {
        "total_amount": amount_text(row[ITEM_PRICE] * quantity),
        "price": amount_text(row[ITEM_PRICE]),
        "quantity": quantity,
        "divisions": [
            {
                "id": divisions[identifier][0],
                "name": divisions[identifier][1],
                "erp_code": divisions[identifier][2],
                "quantity": number,
            }
            for identifier, number in zip(parts[::2], numbers, strict=True)
        ],
        "product": _product_of(row),
        "product_remote_id": row[PRODUCT],
    }


def _product_of(row: Row) -> Json:
    """Writes what is known of a product: only the SKU of one that Commerce does not describe; see docs/decisions.md."""
    name, variants, image = row[_NAME], row[_VARIANTS], row[_IMAGE]
    product: Json = {"sku": row[_SKU]}
    if not (name or image) and variants == _NO_VARIANTS:
        return product
    if name:
        product["name"] = name
    product["price"] = amount_text(row[_PRODUCT_PRICE])
    product["currency"] = row[_PRODUCT_CURRENCY]
    if variants != _NO_VARIANTS:
        product["variants"] = orjson.Fragment(variants)
    if image:
        product["product_image"] = image
    return product


def draft_answer(row: Row) -> Json:
    """Writes a draft from a row of totals."""
    totals = totals_of(row)
    head = orjson.loads(row[HEAD])
    return {
        "id": head[_ID],
        "name": head[_DRAFT_NAME],
        "total_amount": amount_number(totals.total_amount),
        "total_quantity": totals.total_quantity,
    }


def amount_number(cents: int) -> orjson.Fragment:
    """Writes hundredths as a JSON number with every digit of them, which a float would not have."""
    return orjson.Fragment(amount_text(cents) if cents % 100 else str(cents // 100))
