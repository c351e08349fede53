"""The rules for products that Commerce no longer sells: they may become less, not more."""

from models.basket.change import HeldItem
from models.basket.tables import BasketItem
from models.rejections import MAXIMUM_REJECTIONS, Rejected, Rejection, RejectionCode


def check_no_more(item: HeldItem, division_id: int, quantity: int) -> None:
    """Raises PRODUCT_UNAVAILABLE for a higher quantity than before of a product no longer sold."""
    if item.is_available or quantity == 0:
        return
    before = item.quantities.get(division_id, 0)
    if quantity > before:
        reason = f"Quantity {quantity} is more than the {before} that the basket holds."
        raise Rejection(
            RejectionCode.PRODUCT_UNAVAILABLE,
            f"{reason} {_no_longer_sold(item.sku)}",
            "productRemoteId",
        )


async def check_all_sold(basket_id: int) -> None:
    """Raises PRODUCT_UNAVAILABLE, a rejection per product, unless Commerce sells all of them."""
    withdrawn = BasketItem.filter(basket_id=basket_id, product__is_available=False)
    skus = (
        await withdrawn.order_by("id")
        .limit(MAXIMUM_REJECTIONS)
        .values_list("product__sku", flat=True)
    )
    if skus:
        raise Rejected(
            [
                Rejection(RejectionCode.PRODUCT_UNAVAILABLE, _no_longer_sold(str(sku)))
                for sku in skus
            ]
        )


def _no_longer_sold(sku: str) -> str:
    return (
        f"Commerce no longer sells the product with SKU {sku}: remove it, "
        "or refresh the basket if it may be sold again."
    )
