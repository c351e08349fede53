"""Bringing the prices of the active basket up to those of Commerce."""

from collections.abc import Sequence

from tortoise.transactions import in_transaction

from models.basket.lock import LockedBasket, lock_active
from models.basket.prices import (
    Repricing,
    find_held_products,
    find_items_holding,
    reprice,
)
from models.history.record import record_change
from models.history.tables import ChangeKind
from resolvers.chosen_products import check_chosen
from resolvers.commerce_products import consult_commerce
from resolvers.context import parse_segment
from resolvers.outcome import Outcome
from resolvers.unit_of_work import Change, Outdated
from schema.inputs import BasketRefreshInput


class _Tried(Exception):
    """Raised to undo prices that were changed to learn which would."""


class BasketRefresh(Change[BasketRefreshInput]):
    """Reprices the active basket; items added while Commerce answers keep their new prices."""

    async def prepare(self) -> None:
        """Asks Commerce for the products of the basket; its answers are stored in any case.

        Raises PRODUCT_NOT_IN_BASKET and CommerceUnavailable.
        """
        self.segment = parse_segment(self.input.segment_remote_id)
        self.basket_id, held = await find_held_products(self.buyer.id, self.segment)
        chosen = self._choose(held)
        kept = (
            (await consult_commerce(self.context, self.segment, chosen)).stored
            if chosen
            else []
        )
        self.sold = {product.remote_id for product in kept if product.is_available}
        self.unsold = set(chosen) - self.sold

    def _choose(self, held: Sequence[int]) -> Sequence[int]:
        """Returns the products to refresh; rejects those that the basket does not hold."""
        chosen = self.input.product_remote_ids
        # Without a basket, or an empty one, the rejection is that of the basket, or none.
        if chosen is None or not held:
            return held
        check_chosen(chosen, set(held), "the basket")
        return list(dict.fromkeys(chosen))

    async def apply(self) -> Outcome:
        """Changes prices and tells of products no longer sold; raises CurrencyMismatch."""
        basket = await lock_active(self.buyer.id, self.segment, self.input.expected_version)
        if self.basket_id not in (None, basket.id):
            # Another basket was loaded while Commerce answered.
            raise Outdated
        if self.input.dry_run:
            repricing = await self._try(basket)
        else:
            repricing = await reprice(basket, self.sold)
            if repricing.prices:
                kind = ChangeKind.REFRESHED
                await record_change(basket, kind, self.author, repricing.changed)
        return Outcome(
            baskets=await self.read(basket.id),
            price_changes=repricing.prices,
            unavailable=await find_items_holding(basket.id, self.unsold),
            is_recorded=not self.input.dry_run,
        )

    async def _try(self, basket: LockedBasket) -> Repricing:
        """Returns the changes that repricing would make, or raises its rejections."""
        try:
            async with in_transaction():
                repricing = await reprice(basket, self.sold)
                raise _Tried
        except _Tried:
            return repricing
