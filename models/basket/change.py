"""The items of a locked basket, one of them or all, inside a unit of work."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.basket.quantities import read_parts
from models.basket.tables import BasketItem, BasketItemDivision
from models.history.lines import ChangeLine


class HeldItem(NamedTuple):
    """An item of a basket: its product, and its quantities per division.

    `is_available` is whether Commerce still sells the product.
    """

    product_id: int
    sku: str
    is_available: bool
    quantities: Mapping[int, int]


_COLUMNS = ("id", "product_id", "product__sku", "product__is_available")


async def find_held_item(basket_id: int, remote_id: int) -> HeldItem | None:
    """Returns the item that holds a product, if there is one."""
    items = BasketItem.filter(basket_id=basket_id, product__remote_id=remote_id)
    row = await items.first().values_list(*_COLUMNS)
    if not row:
        return None
    item_id, product_id, sku, is_available = row
    parts = BasketItemDivision.filter(item_id=item_id).order_by("id")
    quantities = dict(await parts.values_list("division_id", "quantity"))
    return HeldItem(product_id, sku, is_available, quantities)


async def remove_all(basket_id: int) -> Sequence[ChangeLine]:
    """Removes every item, in the order first added."""
    rows = await read_parts(basket_id)
    # One statement for all of them; the parts of an item go with it.
    await BasketItem.filter(basket_id=basket_id).delete()
    return [
        ChangeLine(
            row["item_id"],
            row["product_id"],
            row["division_id"],
            row["quantity"],
            0,
            row["price"],
            None,
        )
        for row in rows
    ]
