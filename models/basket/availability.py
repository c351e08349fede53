"""The rules for products that Commerce no longer sells: less of them may be kept, and no more had."""

from models.basket.change import HeldItem
from models.database.statement import Statement
from models.rejections import Rejected, Rejection, RejectionCode

LISTED = 100
"""How many of the products that stand in the way are named."""

_QUANTITY = Statement(
    "SELECT quantity FROM basket_item_division WHERE item_id = $1 AND division_id = $2"
)
_WITHDRAWN = Statement(
    "SELECT p.sku FROM basket_item i JOIN product p ON p.id = i.product_id "
    f"WHERE i.basket_id = $1 AND NOT p.is_available ORDER BY i.id LIMIT {LISTED}"
)


async def check_no_more(item: HeldItem, division_id: int, quantity: int) -> None:
    """Raises PRODUCT_UNAVAILABLE when more than before is wanted of a product no longer sold."""
    if item.is_available or quantity == 0:
        return
    row = await _QUANTITY.row(item.id, division_id)
    before = int(row[0]) if row else 0
    if quantity > before:
        reason = f"Quantity {quantity} is more than the {before} that the basket holds."
        raise Rejection(
            RejectionCode.PRODUCT_UNAVAILABLE,
            f"{reason} {_no_longer_sold(item.sku)}",
            "productRemoteId",
        )


async def check_all_sold(basket_id: int) -> None:
    """Raises PRODUCT_UNAVAILABLE, one rejection a product, when Commerce no longer sells all of them."""
    rows = await _WITHDRAWN.rows(basket_id)
    if rows:
        raise Rejected(
            [
                Rejection(RejectionCode.PRODUCT_UNAVAILABLE, _no_longer_sold(row[0]))
                for row in rows
            ]
        )


def _no_longer_sold(sku: str) -> str:
    return (
        f"Commerce no longer sells the product with SKU {sku}: remove it, "
        "or refresh the basket if it may be sold again."
    )
