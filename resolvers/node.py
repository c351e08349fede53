"""Any object of the caller by its id; None for everything that is not theirs to see."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from models.basket.read import ITEMS, OWN, OWN_ITEM
from models.division import divisions_within
from models.export.export import find_own_export
from models.product.tables import NO_SEGMENT, find_visible_product
from models.quotation import find_own_quotation
from resolvers.baskets import read_baskets
from resolvers.changes import find_author, find_change
from resolvers.context import Info, active_buyer
from schema.basket import Basket
from schema.basket_export import BasketExport
from schema.basket_item import BasketItem, BasketItemDivision
from schema.basket_rows import baskets_from_rows
from schema.division import Division
from schema.node import IdKind, Node, id_of, parsed_id
from schema.product import Product
from schema.quotation import Quotation
from schema.viewer import Viewer


async def node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of any object.")],
) -> Node | None:
    active_buyer(info)
    parsed = parsed_id(id)
    return await _FINDERS[parsed.kind](info, *parsed.numbers) if parsed else None


async def find_viewer(info: Info, number: int) -> Viewer | None:
    """Returns the caller, if it is their number."""
    buyer = info.context.buyer
    if number != buyer.id:
        return None
    return Viewer.of(buyer, list(await divisions_within(buyer.division.id)))


async def resolve_division(info: Info, number: int) -> Division | None:
    """Returns a division that the caller may buy for, or the parent of one."""
    within = await divisions_within(info.context.buyer.division.id)
    divisions = [division for division in within if division.is_active]
    parents = [division.parent for division in divisions if division.parent]
    found = next((each for each in (*divisions, *parents) if each.id == number), None)
    return Division.of(found) if found else None


async def resolve_product(
    info: Info, remote_id: int, segment: int = NO_SEGMENT
) -> Product | None:
    """Returns a product as it is known, of a segment only if a basket of the caller holds it."""
    row = await find_visible_product(info.context.buyer.id, remote_id, segment)
    return Product.of(row) if row else None


async def find_snapshot(info: Info, number: int) -> Product | None:
    """Returns the product of an item of one of the caller's submitted baskets."""
    # An item of a basket that is not submitted has a product, but no snapshot.
    item = await find_item(info, number)
    is_snapshot = item is not None and item.product.id == id_of(
        IdKind.PRODUCT_SNAPSHOT, number
    )
    return item.product if item is not None and is_snapshot else None


async def find_basket(info: Info, number: int) -> Basket | None:
    """Returns one of the caller's baskets, in any status."""
    baskets = await read_baskets(info, OWN, basket_id=number)
    return baskets[0] if baskets else None


async def find_item(info: Info, number: int) -> BasketItem | None:
    """Returns an item of one of the caller's baskets."""
    read = await OWN_ITEM.read(
        info.context.catalogue, ITEMS, user_id=info.context.buyer.id, item_id=number
    )
    basket = next(iter(baskets_from_rows(read)), None)
    return basket.items[0] if basket else None


async def find_part(
    info: Info, item_number: int, division: int
) -> BasketItemDivision | None:
    """Returns the quantity of an item of one of the caller's baskets for a division."""
    item = await find_item(info, item_number)
    sought = id_of(IdKind.BASKET_ITEM_DIVISION, item_number, division)
    return (
        next((part for part in item.divisions if part.id == sought), None) if item else None
    )


async def find_quotation(info: Info, number: int) -> Quotation | None:
    """Returns one of the caller's quotations."""
    row = await find_own_quotation(info.context.buyer.id, number)
    basket = await find_basket(info, row.basket_id) if row else None
    return Quotation.of(row, basket) if row and basket else None


async def find_export(info: Info, number: int) -> BasketExport | None:
    """Returns one of the caller's exports."""
    export = await find_own_export(info.context.buyer.id, number)
    return (
        BasketExport.of(export, await info.context.exports.address(export))
        if export
        else None
    )


_FINDERS: dict[IdKind, Callable[..., Awaitable[Node | None]]] = {
    IdKind.VIEWER: find_viewer,
    IdKind.DIVISION: resolve_division,
    IdKind.PRODUCT: resolve_product,
    IdKind.PRODUCT_SNAPSHOT: find_snapshot,
    IdKind.BASKET: find_basket,
    IdKind.BASKET_ITEM: find_item,
    IdKind.BASKET_ITEM_DIVISION: find_part,
    IdKind.CHANGE: find_change,
    IdKind.ACTOR: find_author,
    IdKind.QUOTATION: find_quotation,
    IdKind.EXPORT: find_export,
}
"""The readers of objects of the caller, by kind; each takes the numbers of an id."""
