"""Baskets as the documented interface writes them, made from rows in one pass."""

from collections.abc import Sequence
from typing import Any

import orjson

from models.basket_reading import ITEM_COLUMNS_BEGIN, totals_of
from models.money import amount_text
from models.product import PRODUCT_COLUMN_COUNT
from models.statement import Row

# The columns of a whole read, by place: reading by name costs half as much again.
_ITEM, _PRICE, _CURRENCY, _QUANTITY, _PRODUCT = range(ITEM_COLUMNS_BEGIN, ITEM_COLUMNS_BEGIN + 5)
_SKU, _NAME, _PRODUCT_PRICE, _PRODUCT_CURRENCY, _VARIANTS, _IMAGE = range(_PRODUCT + 1, _PRODUCT + 7)
_DIVISION = _PRODUCT + PRODUCT_COLUMN_COUNT
_DIVISION_NAME, _ERP_CODE = _DIVISION + 1, _DIVISION + 2

_NO_VARIANTS = "{}"

Json = dict[str, Any]


def basket_answer(rows: Sequence[Row]) -> Json:
    """Writes the basket that the rows of a whole read belong to, or the one that is not there yet."""
    items = _items_of(rows)
    amount = quantity = 0
    for item in items:
        price = item["price"]
        total = price * item["quantity"]
        amount += total
        quantity += item["quantity"]
        item["total_amount"] = f"{total // 100}.{total % 100:02d}"
        item["price"] = f"{price // 100}.{price % 100:02d}"
    return {
        "id": rows[0][0] if rows else None,
        "total_amount": amount_text(amount),
        "total_quantity": quantity,
        "basket_items": items,
        "segment_remote_id": (rows[0][3] or None) if rows else None,
    }


def _items_of(rows: Sequence[Row]) -> list[Json]:
    """Groups rows, which come item by item; prices are still in hundredths and total amounts still missing."""
    items: list[Json] = []
    last, item = None, Json()
    for row in rows:
        quantity = row[_QUANTITY]
        division = {
            "id": row[_DIVISION],
            "name": row[_DIVISION_NAME],
            "erp_code": row[_ERP_CODE],
            "quantity": quantity,
        }
        if row[_ITEM] != last:
            last = row[_ITEM]
            items.append(item := _item_of(row, division))
        elif last is not None:
            item["quantity"] += quantity
            item["divisions"].append(division)
    return items


def _item_of(row: Row, division: Json) -> Json:
    return {
        "total_amount": None,
        "price": row[_PRICE],
        "quantity": row[_QUANTITY],
        "divisions": [division],
        "product": _product_of(row),
        "product_remote_id": row[_PRODUCT],
    }


def _product_of(row: Row) -> Json:
    """Writes what is known of a product: only the SKU of one that Commerce does not describe; see docs/decisions.md."""
    name, variants, image = row[_NAME], row[_VARIANTS], row[_IMAGE]
    product: Json = {"sku": row[_SKU]}
    if not (name or image) and variants == _NO_VARIANTS:
        return product
    if name:
        product["name"] = name
    price = row[_PRODUCT_PRICE]
    product["price"] = f"{price // 100}.{price % 100:02d}"
    product["currency"] = row[_PRODUCT_CURRENCY]
    if variants != _NO_VARIANTS:
        product["variants"] = orjson.Fragment(variants)
    if image:
        product["product_image"] = image
    return product


def draft_answer(row: Row) -> Json:
    """Writes a draft from a row of totals."""
    totals = totals_of(row)
    return {
        "id": row[0],
        "name": row[2],
        "total_amount": amount_number(totals.total_amount),
        "total_quantity": totals.total_quantity,
    }


def amount_number(cents: int) -> orjson.Fragment:
    """Writes hundredths as a JSON number with every digit of them, which a float would not have."""
    return orjson.Fragment(amount_text(cents) if cents % 100 else str(cents // 100))
