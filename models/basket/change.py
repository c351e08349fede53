"""Changing the items of a locked basket other than by adding, inside a unit of work."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.basket.quantities import read_parts
from models.basket.tables import BasketItem, BasketItemDivision
from models.history.lines import ChangeLine


class HeldItem(NamedTuple):
    """An item of a basket: its product, its price in hundredths, and its quantities per division.

    `is_available` is whether Commerce still sells the product.
    """

    id: int
    product_id: int
    sku: str
    is_available: bool
    price: int
    quantities: Mapping[int, int]

    def change(
        self, division_id: int, quantity: int, *, is_gone: bool = False
    ) -> ChangeLine:
        """Returns the line of history for a new quantity of one division."""
        return ChangeLine(
            self.id,
            self.product_id,
            division_id,
            self.quantities.get(division_id, 0),
            quantity,
            self.price,
            None if is_gone else self.price,
        )


_COLUMNS = ("id", "product_id", "product__sku", "product__is_available", "price")


async def find_held_item(basket_id: int, remote_id: int) -> HeldItem | None:
    """Returns the item that holds a product, if there is one."""
    items = BasketItem.filter(basket_id=basket_id, product__remote_id=remote_id)
    row = await items.first().values_list(*_COLUMNS)
    if not row:
        return None
    parts = BasketItemDivision.filter(item_id=row[0]).order_by("id")
    quantities = dict(await parts.values_list("division_id", "quantity"))
    item_id, product_id, sku, is_available, price = row
    return HeldItem(item_id, product_id, sku, is_available, price, quantities)


async def set_quantity(
    item: HeldItem, division_id: int, quantity: int
) -> Sequence[ChangeLine]:
    """Sets the quantity of an item for a division, 0 to remove it; no lines when it is the same.

    The item is removed with its last division.
    """
    before = item.quantities.get(division_id, 0)
    if quantity == before:
        return []
    if quantity == 0 and len(item.quantities) == 1:
        return await remove_item(item)
    part = BasketItemDivision.filter(item_id=item.id, division_id=division_id)
    if quantity == 0:
        await part.delete()
    elif before:
        await part.update(quantity=quantity)
    else:
        # The lock on the basket keeps others from making the same row.
        await BasketItemDivision.create(
            item_id=item.id, division_id=division_id, quantity=quantity
        )
    return [item.change(division_id, quantity)]


async def remove_item(item: HeldItem) -> Sequence[ChangeLine]:
    """Removes an item, for all divisions."""
    await BasketItem.filter(id=item.id).delete()
    return [item.change(division_id, 0, is_gone=True) for division_id in item.quantities]


async def remove_all(basket_id: int) -> Sequence[ChangeLine]:
    """Removes every item, in the order first added."""
    rows = await read_parts(basket_id)
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
