"""Bringing the prices of a basket up to what Commerce says now."""

from collections.abc import Collection
from dataclasses import dataclass

from models.database.statement import Statement
from models.rejections import Rejected, Rejection, RejectionCode

LISTED = 100
"""How many of the products that stand in the way are named."""

_HELD = Statement(
    "SELECT p.remote_id, b.id FROM basket b JOIN basket_item i ON i.basket_id = b.id "
    "JOIN product p ON p.id = i.product_id "
    "WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' ORDER BY i.id"
)
_CHANGES = Statement(
    "SELECT i.id, p.remote_id, p.sku, i.price, i.currency, p.price, p.currency "
    "FROM basket_item i JOIN product p ON p.id = i.product_id WHERE i.basket_id = $1 "
    "AND p.remote_id = ANY($2::int[]) AND (p.price <> i.price OR p.currency <> i.currency) ORDER BY i.id"
)
_REPRICE = Statement(
    "UPDATE basket_item SET price = (SELECT price FROM product p WHERE p.id = product_id), "
    "currency = (SELECT currency FROM product p WHERE p.id = product_id) WHERE id = ANY($1::bigint[])"
)
# The currency of most items is the one that the others stand in the way of.
_FOREIGN = Statement(
    "SELECT p.sku, i.currency, common.currency FROM basket_item i "
    "JOIN product p ON p.id = i.product_id JOIN (SELECT currency FROM basket_item "
    "WHERE basket_id = $1 GROUP BY currency ORDER BY COUNT(*) DESC, currency LIMIT 1) AS common "
    f"ON common.currency <> i.currency WHERE i.basket_id = $1 ORDER BY i.id LIMIT {LISTED}"
)
_ITEMS_OF = Statement(
    "SELECT i.id FROM basket_item i JOIN product p ON p.id = i.product_id "
    "WHERE i.basket_id = $1 AND p.remote_id = ANY($2::int[]) ORDER BY i.id"
)


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


async def held_products(user_id: int, segment: int) -> tuple[int | None, list[int]]:
    """Returns the id of the active basket, None when it is empty or missing, and the remote ids of its products."""
    rows = await _HELD.rows(user_id, segment)
    return (int(rows[0][1]) if rows else None), [int(row[0]) for row in rows]


async def reprice(basket_id: int, remote_ids: Collection[int]) -> list[Repriced]:
    """Reprices the items of a locked basket that hold these products; returns the changes."""
    rows = await _CHANGES.rows(basket_id, list(remote_ids))
    await _REPRICE.rows([row[0] for row in rows])
    return [Repriced(*row[0:7]) for row in rows]


async def check_one_currency(basket_id: int) -> None:
    """Raises CURRENCY_MISMATCH, one rejection a product, unless all items have the same currency."""
    rejections = [
        Rejection(
            RejectionCode.CURRENCY_MISMATCH,
            f"The product with SKU {sku} would be priced in {currency}, the basket in {common}; "
            "all items share one currency. Remove it and refresh the basket again.",
        )
        for sku, currency, common in (row[0:3] for row in await _FOREIGN.rows(basket_id))
    ]
    if rejections:
        raise Rejected(rejections)


async def items_holding(basket_id: int, remote_ids: Collection[int]) -> list[int]:
    """Returns the ids of the items of a basket that hold these products."""
    return [int(row[0]) for row in await _ITEMS_OF.rows(basket_id, list(remote_ids))]
