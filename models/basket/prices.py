"""Bringing the prices of a basket up to date with Commerce."""

from collections.abc import Collection
from dataclasses import dataclass

from models.basket.tables import BasketItem, BasketStatus
from models.database.statements import load_statements
from models.rejections import MAXIMUM_REJECTIONS, Rejected, Rejection, RejectionCode

_STATEMENTS = load_statements(__file__, maximum_rejections=MAXIMUM_REJECTIONS)
_PRICE_CHANGES = _STATEMENTS["price_changes"]
_REPRICE = _STATEMENTS["reprice"]
_FOREIGN_ITEMS = _STATEMENTS["foreign_items"]


@dataclass(frozen=True, slots=True)
class Repriced:
    """An item whose unit price, in hundredths, or its currency changed, and its product."""

    item_id: int
    remote_id: int
    sku: str
    old_price: int
    old_currency: str
    new_price: int
    new_currency: str


async def find_held_products(user_id: int, segment: int) -> tuple[int | None, list[int]]:
    """Returns the active basket's id, None when empty or missing, and its products' remote ids."""
    items = BasketItem.filter(
        basket__user_id=user_id,
        basket__segment=segment,
        basket__status=BasketStatus.ACTIVE,
    )
    rows = await items.order_by("id").values_list("basket_id", "product__remote_id")
    return (int(rows[0][0]) if rows else None), [int(row[1]) for row in rows]


async def reprice(basket_id: int, remote_ids: Collection[int]) -> list[Repriced]:
    """Reprices the items of a locked basket that hold these products; returns the changes."""
    rows = await _PRICE_CHANGES.rows(basket_id=basket_id, remote_ids=list(remote_ids))
    await _REPRICE.rows(item_ids=[row["item_id"] for row in rows])
    return [Repriced(**dict(row)) for row in rows]  # type: ignore[call-overload]


async def check_one_currency(basket_id: int) -> None:
    """Raises CURRENCY_MISMATCH, a rejection per product, unless all items have one currency."""
    rejections = [
        Rejection(
            RejectionCode.CURRENCY_MISMATCH,
            f"The product with SKU {row['sku']} would be priced in {row['currency']}, "
            f"the basket in {row['common_currency']}; all items share one currency. "
            "Remove it and refresh the basket again.",
        )
        for row in await _FOREIGN_ITEMS.rows(basket_id=basket_id)
    ]
    if rejections:
        raise Rejected(rejections)


async def find_items_holding(basket_id: int, remote_ids: Collection[int]) -> list[int]:
    """Returns the ids of the items of a basket that hold these products."""
    if not remote_ids:
        return []
    items = BasketItem.filter(basket_id=basket_id).order_by("id")
    rows = await items.values_list("id", "product__remote_id")
    # Compared here, because Tortoise would send a parameter per id, and a basket has thousands.
    return [int(id) for id, remote_id in rows if remote_id in remote_ids]
