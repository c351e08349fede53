"""Changing the items of the active basket: add, update, remove, clear."""

from collections.abc import Mapping
from typing import Any

from models.basket.add import Addition, RequestedLine, add_known_lines
from models.basket.availability import check_no_more
from models.basket.change import HeldItem, find_held_item, remove_all
from models.basket.item_change import ChangedItem, ItemChange, change_item
from models.basket.lines import add_lines, merge_lines
from models.basket.lock import LockedBasket, lock_active, open_active
from models.basket.quantities import set_lines
from models.basket.rows import BasketRows
from models.basket.rules import Line, check_quantity
from models.history.lines import removed_items
from models.history.record import Changed, in_currency_of, record_change
from models.history.tables import ChangeKind
from models.idempotency import Key, KnownKey
from models.rejections import Rejected, Rejection, RejectionCode
from resolvers.context import check_text, parse_segment
from resolvers.divisions import DivisionKey, find_divisions
from resolvers.outcome import Outcome
from resolvers.products import ProductKey, confirmed_since, find_products
from resolvers.unit_of_work import Change, Outdated
from schema.inputs import (
    BasketClearInput,
    BasketItemInput,
    BasketItemRemoveInput,
    BasketItemsAddInput,
    BasketItemUpdateInput,
)
from schema.node import IdKind, number_of

MAXIMUM_LINES = 1_000
"""The highest number of lines in one basketItemsAdd; more come in a file."""


def _product_key(line: BasketItemInput) -> ProductKey:
    if (line.product_remote_id is None) == (line.sku is None):
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "Name the product by exactly one of productRemoteId and sku.",
            "productRemoteId",
        )
    if line.product_remote_id is not None:
        return line.product_remote_id
    check_text(line.sku or "", "SKU", "sku")
    return line.sku or ""


def _division_key(line: BasketItemInput) -> DivisionKey:
    if (line.division_id is None) == (line.division_erp_code is None):
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "Name the division by exactly one of divisionId and divisionErpCode.",
            "divisionId",
        )
    if line.division_id is not None:
        return parse_division_id(line.division_id)
    check_text(line.division_erp_code or "", "ERP code", "divisionErpCode")
    return line.division_erp_code or ""


def _requested_line(line: BasketItemInput) -> RequestedLine:
    division_id = None if line.division_id is None else parse_division_id(line.division_id)
    return RequestedLine(
        line.product_remote_id, line.sku, division_id, line.division_erp_code, line.quantity
    )


def parse_division_id(text: str) -> int:
    """Reads a division's id; raises DIVISION_NOT_FOUND when it cannot be one of ours."""
    identifier = number_of(IdKind.DIVISION, text)
    if identifier is None:
        raise Rejection(
            RejectionCode.DIVISION_NOT_FOUND,
            f"There is no division {text[:100]}.",
            "divisionId",
        )
    return identifier


class BasketItemsAdd(Change[BasketItemsAddInput]):
    """Adds lines to the active basket, all or none."""

    async def try_fast_path(self, key: Key | None) -> Outcome | KnownKey | None:
        """Adds the lines in one step, which is possible for almost all additions."""
        self.segment = parse_segment(self.input.segment_remote_id)
        self._check_count()
        # For its rejections alone: the fast path takes the lines as they are.
        self._keys()
        addition = Addition(
            buyer=self.buyer,
            origin=self.context.origin,
            segment=self.segment,
            expected_version=self.input.expected_version,
            key=key,
            lines=[_requested_line(line) for line in self.input.items],
            confirmed_since=confirmed_since(self.context.policy),
        )
        added = await add_known_lines(self.context.catalogue, addition, self.wants)
        return Outcome(baskets=added) if isinstance(added, BasketRows) else added

    async def prepare(self) -> None:
        """Finds the divisions and products of all lines; raises a rejection per unusable line."""
        self.segment = parse_segment(self.input.segment_remote_id)
        self._check_count()
        product_fields, division_fields = self._keys()
        divisions = await find_divisions(self.buyer, division_fields)
        found = await find_products(self.context, self.segment, product_fields)
        self.confirmed = found.confirmed()
        self.lines = [
            Line(
                found.products[product].id,
                divisions[division].id,
                line.quantity,
                ("items", str(index)),
            )
            for index, (line, product, division) in enumerate(
                # Both mappings have one entry per line, in the order of the lines.
                zip(
                    self.input.items,
                    product_fields.values(),
                    division_fields.values(),
                    strict=True,
                )
            )
        ]

    def _check_count(self) -> None:
        count = len(self.input.items)
        if not 1 <= count <= MAXIMUM_LINES:
            raise Rejection(
                RejectionCode.INVALID_INPUT,
                f"There are {count} items; send between 1 and {MAXIMUM_LINES}.",
                "items",
            )

    def _keys(
        self,
    ) -> tuple[dict[tuple[str, ...], ProductKey], dict[tuple[str, ...], DivisionKey]]:
        products: dict[tuple[str, ...], ProductKey] = {}
        divisions: dict[tuple[str, ...], DivisionKey] = {}
        rejections: list[Rejection] = []
        for index, line in enumerate(self.input.items):
            field = ("items", str(index))
            try:
                check_quantity(line.quantity)
                products[*field, "productRemoteId" if line.sku is None else "sku"] = (
                    _product_key(line)
                )
                divisions[
                    *field,
                    "divisionId" if line.division_id is not None else "divisionErpCode",
                ] = _division_key(line)
            except Rejection as rejection:
                rejections.append(rejection.beneath(*field))
        if rejections:
            raise Rejected(rejections)
        return products, divisions

    async def apply(self) -> Outcome:
        """Adds the lines; raises Outdated when a product that Commerce was not asked for left."""
        basket = await open_active(self.buyer.id, self.segment, self.input.expected_version)
        added = await add_lines(basket, merge_lines(self.lines))
        # A product was taken as known because the basket held it, and it was removed meanwhile.
        if not added.new_products <= self.confirmed:
            raise Outdated
        await record_change(basket, ChangeKind.ITEMS_ADDED, self.author, added.changed)
        return Outcome(baskets=await self.read(basket.id))


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
