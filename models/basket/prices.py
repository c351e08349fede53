"""Bringing the prices of a basket up to date with Commerce."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from models.basket.lock import LockedBasket
from models.basket.tables import BasketItem, BasketStatus
from models.database.statements import Row, load_statements
from models.history.lines import ChangeLine
from models.history.record import Changed
from models.rejections import MAXIMUM_REJECTIONS, Rejected, Rejection, RejectionCode

_STATEMENTS = load_statements(__file__, maximum_rejections=MAXIMUM_REJECTIONS)
_PRICE_CHANGES = _STATEMENTS["price_changes"]
_REPRICE = _STATEMENTS["reprice"]
_FOREIGN_ITEMS = _STATEMENTS["foreign_items"]
_ITEM_PRODUCTS = _STATEMENTS["item_products"]


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


_REPRICED = [field.name for field in fields(Repriced)]


class ItemProduct(NamedTuple):
    """The keys of an item's product, and whether Commerce sells it."""

    remote_id: int
    sku: str
    is_available: bool


async def find_item_products(basket_id: int) -> Mapping[int, ItemProduct]:
    """Returns the items of a basket by id, in their order."""
    return {
        row["id"]: ItemProduct(row["remote_id"], row["sku"], bool(row["is_available"]))
        for row in await _ITEM_PRODUCTS.rows(basket_id=basket_id)
    }


async def find_held_products(user_id: int, segment: int) -> tuple[int | None, list[int]]:
    """Returns the active basket's id, None when empty or missing, and its products' remote ids."""
    items = BasketItem.filter(
        basket__user_id=user_id,
        basket__segment=segment,
        basket__status=BasketStatus.ACTIVE,
    )
    rows = await items.order_by("id").values_list("basket_id", "product__remote_id")
    return (int(rows[0][0]) if rows else None), [int(row[1]) for row in rows]


class Repricing(NamedTuple):
    """The changed prices of a basket, and the same as a change of the basket."""

    prices: Sequence[Repriced]
    changed: Changed


async def reprice(basket: LockedBasket, remote_ids: Collection[int]) -> Repricing:
    """Reprices the items of a locked basket that hold these products.

    Raises CURRENCY_MISMATCH, a rejection per product, unless all items then have one currency.
    """
    rows = await _PRICE_CHANGES.rows(basket_id=basket.id, remote_ids=list(remote_ids))
    await _REPRICE.rows(item_ids=[row["item_id"] for row in rows])
    await _check_one_currency(basket.id)
    # With one currency for all, that of any repriced item is that of the basket.
    currencies = {row["new_currency"] for row in rows}
    prices = [Repriced(*(row[name] for name in _REPRICED)) for row in rows]
    return Repricing(prices, Changed([_price_line(row) for row in rows], currencies, {}))


def _price_line(row: Row) -> ChangeLine:
    quantity = int(row["quantity"])
    return ChangeLine(
        row["item_id"],
        row["product_id"],
        None,
        quantity,
        quantity,
        row["old_price"],
        row["new_price"],
    )


async def _check_one_currency(basket_id: int) -> None:
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
