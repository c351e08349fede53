"""Checking changes of quantities, each by itself: more of a product needs more than less of it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache

from models.basket.quantities import PartKey, QuantityChange
from models.division import DivisionRead
from models.product.tables import KnownProduct, ProductKeys
from models.rejections import Rejection, RejectionCode
from models.user import Buyer
from resolvers.divisions import DivisionKey, check_division
from resolvers.line_outcomes import CheckedLine
from resolvers.products import Found

LINES_AT_ONCE = 250
"""After how many lines other buyers are answered."""


class QuantityCheck:
    """Checks changes of quantities against the rules for their products and divisions.

    More of a product needs that it is sold and that the buyer may buy for the division; less of it
    needs nothing. The rejections have the given path in the input.
    """

    def __init__(
        self,
        buyer: Buyer,
        keys: Mapping[int, ProductKeys],
        found: Found,
        divisions: Mapping[DivisionKey, DivisionRead],
        *field: str,
    ) -> None:
        self._buyer = buyer
        self._keys = keys
        self._found = found
        self._divisions = divisions
        self._field = field
        # Many lines are of few divisions, and some of one product: each is checked once.
        self._product_rejection = cache(self._reject_product)
        self._division_rejection = cache(self._reject_division)

    async def check(
        self,
        changes: Sequence[QuantityChange],
        present: Mapping[PartKey, int],
        currency: str | None,
    ) -> list[CheckedLine]:
        """Returns a line per change of a basket's quantities, with its rejections.

        Rejected lines count as not carried out where the currency of the others is checked.
        """
        lines = []
        for index, change in enumerate(changes):
            if index % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
            lines.append(self._check_line(change))
        self._check_currency(changes, lines, present, currency)
        return lines

    def _check_line(self, change: QuantityChange) -> CheckedLine:
        keys = self._keys[change.product_id]
        division = self._divisions.get(change.division_id)
        line = CheckedLine(
            remote_id=keys.remote_id,
            sku=keys.sku,
            division=division if division and self._buyer.may_buy_for(division) else None,
            quantity=change.after,
        )
        # Less can always be had, also of a product that is no longer sold.
        if change.is_more:
            rejections = (
                self._product_rejection(change.product_id),
                self._division_rejection(change.division_id),
            )
            line.rejections += [rejection for rejection in rejections if rejection]
        return line

    def _reject_product(self, product_id: int) -> Rejection | None:
        try:
            self._found.check(self._keys[product_id].remote_id, *self._field)
        except Rejection as rejection:
            return rejection
        return None

    def _reject_division(self, division_id: int) -> Rejection | None:
        try:
            check_division(self._buyer, self._divisions, division_id, *self._field)
        except Rejection as rejection:
            return rejection
        return None

    def _check_currency(
        self,
        changes: Sequence[QuantityChange],
        lines: Sequence[CheckedLine],
        present: Mapping[PartKey, int],
        currency: str | None,
    ) -> None:
        """Rejects the lines of new products in another currency than the basket's.

        A basket in which no item stays has the currency of the first product that is new.
        """
        good = [
            (change, line)
            for change, line in zip(changes, lines, strict=True)
            if not line.rejections
        ]
        after = dict(present) | {change.key: change.after for change, _ in good}
        held = {product_id for product_id, _ in present}
        # An item that stays keeps its currency, and all items share one.
        if not any(quantity and key[0] in held for key, quantity in after.items()):
            currency = None
        for change, line in good:
            if change.is_more and change.product_id not in held:
                product = self._found.products[self._keys[change.product_id].remote_id]
                currency = currency or product.currency
                if product.currency != currency:
                    line.rejections.append(self._foreign(product, currency))

    def _foreign(self, product: KnownProduct, currency: str) -> Rejection:
        return Rejection(
            RejectionCode.CURRENCY_MISMATCH,
            f"Product {product.remote_id} is priced in {product.currency}, the basket in "
            f"{currency}; all items share one currency.",
            *self._field,
        )
