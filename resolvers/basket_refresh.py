"""Bringing the prices of the active basket up to those of Commerce."""

from models.basket.lock import lock_active
from models.basket.prices import (
    find_held_products,
    find_items_holding,
    reprice,
)
from models.history.record import record_change
from models.history.tables import ChangeKind
from resolvers.commerce_products import consult_commerce
from resolvers.context import parse_segment
from resolvers.outcome import Outcome
from resolvers.unit_of_work import Change, Outdated
from schema.inputs import BasketRefreshInput


class BasketRefresh(Change[BasketRefreshInput]):
    """Reprices the active basket; items added while Commerce answers keep their new prices."""

    async def prepare(self) -> None:
        """Asks Commerce for every product of the basket; its answers are stored in any case.

        Raises CommerceUnavailable.
        """
        self.segment = parse_segment(self.input.segment_remote_id)
        self.basket_id, held = await find_held_products(self.buyer.id, self.segment)
        kept = (
            (await consult_commerce(self.context, self.segment, held)).stored
            if held
            else []
        )
        self.sold = {product.remote_id for product in kept if product.is_available}
        self.unsold = set(held) - self.sold

    async def apply(self) -> Outcome:
        """Changes prices and tells of products no longer sold; raises CurrencyMismatch."""
        basket = await lock_active(self.buyer.id, self.segment, self.input.expected_version)
        if self.basket_id not in (None, basket.id):
            # Another basket was loaded while Commerce answered.
            raise Outdated
        repricing = await reprice(basket, self.sold)
        if repricing.prices:
            kind = ChangeKind.REFRESHED
            await record_change(basket, kind, self.author, repricing.changed)
        return Outcome(
            baskets=await self.read(basket.id),
            price_changes=repricing.prices,
            unavailable=await find_items_holding(basket.id, self.unsold),
        )
