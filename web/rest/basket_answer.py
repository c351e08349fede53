"""Baskets as the documented interface writes them, made from rows in one pass."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.basket.rows import BasketSummary, FullBasket, Parts
from models.money import format_amount

_NO_VARIANTS = "{}"
_NO_COLUMNS = {"id": None, "segment": None, "total_amount": 0, "total_quantity": 0}
_NO_BASKET = FullBasket(_NO_COLUMNS, (), (), (), (), (), (), (), {})

Json = dict[str, Any]


def basket_answer(baskets: Sequence[FullBasket]) -> Json:
    """Returns the one basket that was read, or an empty one that has no id yet."""
    basket = baskets[0] if baskets else _NO_BASKET
    return {
        "id": basket.columns["id"],
        "total_amount": format_amount(basket.columns["total_amount"]),
        "total_quantity": basket.columns["total_quantity"],
        "basket_items": [
            _item(basket, index, parts) for index, parts in enumerate(basket.group_parts())
        ],
        "segment_remote_id": basket.columns["segment"] or None,
    }


def _item(basket: FullBasket, index: int, parts: Parts) -> Json:
    price = basket.prices[index]
    product = basket.products[index].columns
    quantity = sum(parts[1])
    return {
        "total_amount": format_amount(price * quantity),
        "price": format_amount(price),
        "quantity": quantity,
        "divisions": [
            _part(basket.divisions[division].columns, number)
            for division, number in zip(*parts, strict=True)
        ],
        "product": _product(product),
        "product_remote_id": product["remote_id"],
    }


def _part(division: Mapping[str, Any], quantity: int) -> Json:
    return {
        "id": division["division_id"],
        "name": division["division_name"],
        "erp_code": division["division_erp_code"],
        "quantity": quantity,
    }


def _product(columns: Mapping[str, Any]) -> Json:
    """Returns a product: only the SKU of one that Commerce does not describe, see docs/rest.md."""
    name, variants, image = columns["name"], columns["variants"], columns["product_image"]
    product: Json = {"sku": columns["sku"]}
    if not (name or image) and variants == _NO_VARIANTS:
        return product
    if name:
        product["name"] = name
    product["price"] = format_amount(columns["price"])
    product["currency"] = columns["currency"]
    if variants != _NO_VARIANTS:
        product["variants"] = orjson.Fragment(variants)
    if image:
        product["product_image"] = image
    return product


def draft_answers(drafts: Sequence[BasketSummary], segment: int | None) -> list[Json]:
    """Returns drafts; only those of one segment, if one is given."""
    return [
        _draft(draft)
        for draft in drafts
        if segment is None or draft.columns["segment"] == segment
    ]


def _draft(draft: BasketSummary) -> Json:
    return {
        "id": draft.columns["id"],
        "name": draft.columns["name"],
        "total_amount": amount_number(draft.columns["total_amount"]),
        "total_quantity": draft.columns["total_quantity"],
    }


def amount_number(cents: int) -> orjson.Fragment:
    """Returns hundredths as a JSON number with every digit, which a float would not have."""
    return orjson.Fragment(format_amount(cents) if cents % 100 else str(cents // 100))
