"""Changing the items of a locked basket other than by adding, inside a unit of work."""

from typing import NamedTuple

from models.basket.tables import BasketItem, BasketItemDivision


class HeldItem(NamedTuple):
    """An item of a basket: its id, its product's SKU, and whether Commerce still sells that."""

    id: int
    sku: str
    is_available: bool


async def find_held_item(basket_id: int, remote_id: int) -> HeldItem | None:
    """Returns the item that holds a product, if there is one."""
    items = BasketItem.filter(basket_id=basket_id, product__remote_id=remote_id)
    row = await items.first().values_list("id", "product__sku", "product__is_available")
    return HeldItem(*row) if row else None


async def set_quantity(item_id: int, division_id: int, quantity: int) -> list[int] | None:
    """Sets the quantity of an item for a division, 0 to remove it; returns ids of removed items.

    The item is removed with its last division. None says that there was nothing to remove.
    """
    part = BasketItemDivision.filter(item_id=item_id, division_id=division_id)
    if quantity == 0:
        return await _remove_if_bare(item_id) if await part.delete() else None
    # The lock on the basket keeps others from making the same row between the two statements.
    if not await part.update(quantity=quantity):
        await BasketItemDivision.create(
            item_id=item_id, division_id=division_id, quantity=quantity
        )
    return []


async def _remove_if_bare(item_id: int) -> list[int]:
    if await BasketItemDivision.filter(item_id=item_id).exists():
        return []
    await remove_item(item_id)
    return [item_id]


async def remove_item(item_id: int) -> None:
    """Removes an item, for all divisions."""
    await BasketItem.filter(id=item_id).delete()


async def remove_all(basket_id: int) -> list[int]:
    """Removes every item and returns their ids, in the order first added."""
    items = BasketItem.filter(basket_id=basket_id)
    rows = await items.order_by("id").values_list("id")
    await items.delete()
    return [int(id) for (id,) in rows]
