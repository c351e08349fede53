"""Changing the items of the active basket: update, remove, clear."""

from collections.abc import Mapping
from typing import Any

from models.basket.availability import check_no_more
from models.basket.change import HeldItem, find_held_item, remove_all
from models.basket.item_change import ChangedItem, ItemChange, change_item
from models.basket.lock import LockedBasket, lock_active
from models.basket.quantities import set_lines
from models.basket.rules import Line, check_quantity
from models.history.lines import removed_items
from models.history.record import Changed, in_currency_of, record_change
from models.history.tables import ChangeKind
from models.idempotency import Key, KnownKey
from models.rejections import Rejected, Rejection, RejectionCode
from resolvers.context import parse_segment
from resolvers.divisions import find_divisions
from resolvers.item_lines import parse_division_id
from resolvers.outcome import Outcome
from resolvers.unit_of_work import Change
from schema.inputs import BasketClearInput, BasketItemRemoveInput, BasketItemUpdateInput


class BasketItemUpdate(Change[BasketItemUpdateInput]):
    """Sets the quantity of a product of the active basket for one division."""

    async def try_fast_path(self, key: Key | None) -> Outcome | KnownKey | None:
        """Sets the quantity in one step, unless a rule is broken."""
        check_quantity(self.input.quantity, least=0)
        division_id = parse_division_id(self.input.division_id)
        return await _change_item(self, key, division_id, self.input.quantity)

    async def prepare(self) -> None:
        """Checks the quantity and finds the division; one closed meanwhile can still be emptied."""
        self.segment = parse_segment(self.input.segment_remote_id)
        check_quantity(self.input.quantity, least=0)
        self.division_id = parse_division_id(self.input.division_id)
        try:
            await find_divisions(self.buyer, {("divisionId",): self.division_id})
        except Rejected as rejected:
            is_closed = all(
                rejection.code is RejectionCode.DIVISION_INACTIVE
                for rejection in rejected.rejections
            )
            if not (is_closed and self.input.quantity == 0):
                raise

    async def apply(self) -> Outcome:
        """Sets the quantity; raises PRODUCT_NOT_IN_BASKET when there is none to set or remove.

        Raises PRODUCT_UNAVAILABLE for more of a product that Commerce no longer sells.
        """
        basket = await lock_active(self.buyer.id, self.segment, self.input.expected_version)
        item = await _item(basket, self.input.product_remote_id)
        self._check_held(item)
        check_no_more(item, self.division_id, self.input.quantity)
        quantities = {self.division_id: self.input.quantity}
        changed = await _set_quantities(basket, item, quantities)
        return await _record(self, basket, ChangeKind.ITEM_UPDATED, changed)

    def _check_held(self, item: HeldItem) -> None:
        if self.input.quantity == 0 and self.division_id not in item.quantities:
            message = (
                f"Product {self.input.product_remote_id} is not in the basket "
                f"for division {self.input.division_id}."
            )
            raise Rejection(RejectionCode.PRODUCT_NOT_IN_BASKET, message, "divisionId")


class BasketItemRemove(Change[BasketItemRemoveInput]):
    """Removes a product from the active basket, for all divisions."""

    async def try_fast_path(self, key: Key | None) -> Outcome | KnownKey | None:
        """Removes the item in one step, if the basket holds it."""
        return await _change_item(self, key, None, 0)

    async def apply(self) -> Outcome:
        """Removes the item; raises PRODUCT_NOT_IN_BASKET."""
        segment = parse_segment(self.input.segment_remote_id)
        basket = await lock_active(self.buyer.id, segment, self.input.expected_version)
        item = await _item(basket, self.input.product_remote_id)
        changed = await _set_quantities(basket, item, dict.fromkeys(item.quantities, 0))
        return await _record(self, basket, ChangeKind.ITEM_REMOVED, changed)


class BasketClear(Change[BasketClearInput]):
    """Removes everything from the active basket."""

    async def apply(self) -> Outcome:
        """Removes every item."""
        segment = parse_segment(self.input.segment_remote_id)
        basket = await lock_active(self.buyer.id, segment, self.input.expected_version)
        changed = in_currency_of(basket, await remove_all(basket.id))
        return await _record(self, basket, ChangeKind.CLEARED, changed)


async def _change_item(
    change: BasketItemUpdate | BasketItemRemove,
    key: Key | None,
    division_id: int | None,
    quantity: int,
) -> Outcome | KnownKey | None:
    item = ItemChange(
        buyer=change.buyer,
        origin=change.context.origin,
        segment=parse_segment(change.input.segment_remote_id),
        expected_version=change.input.expected_version,
        key=key,
        remote_id=change.input.product_remote_id,
        division_id=division_id,
        quantity=quantity,
    )
    changed = await change_item(change.context.catalogue, item, change.wants)
    if not isinstance(changed, ChangedItem):
        return changed
    removed = [] if changed.removed_id is None else [changed.removed_id]
    return Outcome(baskets=changed.baskets, removed=removed)


async def _set_quantities(
    basket: LockedBasket, item: HeldItem, quantities: Mapping[int, int]
) -> Changed:
    """Sets the quantities of an item by division, 0 to remove it there."""
    lines = [Line(item.product_id, *quantity) for quantity in quantities.items()]
    return (await set_lines(basket, {line.key: line for line in lines})).changed


async def _record(
    change: Change[Any], basket: LockedBasket, kind: ChangeKind, changed: Changed
) -> Outcome:
    """Records a change of quantities, if it is one, and reads the basket."""
    if changed.lines:
        await record_change(basket, kind, change.author, changed)
    removed = removed_items(changed.lines)
    return Outcome(baskets=await change.read(basket.id), removed=removed)


async def _item(basket: LockedBasket, remote_id: int) -> HeldItem:
    item = await find_held_item(basket.id, remote_id)
    if item is None:
        raise Rejection(
            RejectionCode.PRODUCT_NOT_IN_BASKET,
            f"Product {remote_id} is not in the basket.",
            "productRemoteId",
        )
    return item
