"""A product as Commerce describes it, parsed from JSON."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from reprlib import repr as shortened
from typing import Any

from commerce.errors import CommerceFailed
from commerce.text import clean_name, clean_object
from text import find_flaw, is_blank

MAXIMUM_PRICE = Decimal("40000000.00")
MAXIMUM_REMOTE_ID = 2**31 - 1
MAXIMUM_IMAGE_LENGTH = 2000
MAXIMUM_STOCK = 2**31 - 1

_CENT = Decimal("0.01")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


@dataclass(frozen=True, slots=True)
class CommerceProduct:
    """A product that Commerce described completely."""

    remote_id: int
    sku: str
    name: str | None
    price: Decimal
    currency: str
    variants: dict[str, Any]
    product_image: str | None
    in_stock: bool
    stock: int | None
    is_available: bool


@dataclass(frozen=True, slots=True)
class UnsellableProduct:
    """A product whose description cannot be sold by; the reason names the value at fault."""

    remote_id: int
    sku: str
    reason: str


class _Unsellable(Exception):
    """Raised when a product cannot be sold with this SKU, price or currency."""


def parse_product(
    value: object, *, any_in_stock: object = None
) -> CommerceProduct | UnsellableProduct:
    """Returns a product; `any_in_stock` is true when the product or a sibling is in stock.

    Raises CommerceFailed when it cannot even be identified.
    """
    if not isinstance(value, dict):
        raise CommerceFailed(f"Commerce described a product as {shortened(value)}.")
    remote_id, sku = _parse_remote_id(value.get("pk")), _parse_sku(value.get("sku"))
    try:
        _check_sku(sku)
        price = _parse_price(value.get("price"))
        currency = _parse_currency(value.get("currency_type"))
    except _Unsellable as unsellable:
        return UnsellableProduct(remote_id, sku, str(unsellable))
    return CommerceProduct(
        remote_id=remote_id,
        sku=sku,
        name=clean_name(value.get("name")),
        price=price,
        currency=currency,
        variants=clean_object(value.get("attributes")),
        product_image=_choose_image(value.get("productimage_set")),
        in_stock=any_in_stock
        if isinstance(any_in_stock, bool)
        else value.get("in_stock") is True,
        stock=_parse_stock(value.get("stock")),
        # Only a product that Commerce declares ready is sold.
        is_available=value.get("is_ready_to_basket") is True,
    )


def is_remote_id(value: object) -> bool:
    """Tells whether a value can be the remote id of a product."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and 1 <= value <= MAXIMUM_REMOTE_ID
    )


def is_sku(value: object) -> bool:
    """Tells whether a value can be the SKU of a product."""
    return isinstance(value, str) and not is_blank(value) and find_flaw(value) is None


def _parse_remote_id(value: Any) -> int:
    if not is_remote_id(value):
        raise CommerceFailed(
            f"Commerce described a product whose pk is {shortened(value)}."
        )
    return int(value)


def _parse_sku(value: Any) -> str:
    if not isinstance(value, str):
        raise CommerceFailed(
            f"Commerce described a product whose SKU is {shortened(value)}."
        )
    return value


def _check_sku(sku: str) -> None:
    if is_blank(sku):
        raise _Unsellable(f"Its SKU {shortened(sku)} is blank.")
    if flaw := find_flaw(sku):
        raise _Unsellable(f"Its SKU {flaw}.")


def _parse_price(value: object) -> Decimal:
    if value is None:
        raise _Unsellable("Commerce gives it no price.")
    price = _parse_decimal(value)
    if price < 0:
        raise _Unsellable(f"Its price {shortened(value)} is negative.")
    if price > MAXIMUM_PRICE:
        raise _Unsellable(f"Its price {shortened(value)} is above {MAXIMUM_PRICE}.")
    if price != price.quantize(_CENT):
        raise _Unsellable(f"Its price {shortened(value)} has more than two decimals.")
    # Commerce may send -0.00, which is no negative number, and would keep its sign.
    return abs(price.quantize(_CENT))


def _parse_decimal(value: object) -> Decimal:
    # A float is read by its shortest text, the one that Commerce sent: 10.55 and not
    # 10.5500000000000007.
    text = (
        repr(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else value
    )
    # Decimal itself would also take "1_000" and the digits of other scripts.
    if isinstance(text, str) and text.isascii() and "_" not in text:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise _Unsellable(f"Its price {shortened(value)} is not a number.")


def _parse_stock(value: object) -> int | None:
    """Returns the number of pieces in stock; None where Commerce says no usable number."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not isinstance(value, int):
        return None
    # Fewer than none are ordered already; more than a basket can hold are as good as any number.
    return min(max(value, 0), MAXIMUM_STOCK)


def _parse_currency(value: object) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise _Unsellable(
            f"Its currency is {shortened(value)}."
            if value
            else "Commerce gives it no currency."
        )
    return value.lower()


def _choose_image(value: object) -> str | None:
    images = (
        [image for image in value if _is_active_image(image)]
        if isinstance(value, list)
        else []
    )
    first = min(images, key=_image_order, default=None)
    return first["image"] if first else None


def _is_active_image(image: Any) -> bool:
    if not isinstance(image, dict) or image.get("status") != "active":
        return False
    address = image.get("image")
    if not isinstance(address, str) or address == "":
        return False
    return find_flaw(address, MAXIMUM_IMAGE_LENGTH) is None


def _image_order(image: dict[str, Any]) -> float:
    order = image.get("order")
    return order if isinstance(order, (int, float)) else float("inf")
