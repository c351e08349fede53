"""Giving the active basket the quantities that it had at an earlier version."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from models.basket.lock import LockedBasket, find_active, lock_active
from models.basket.quantities import QuantityChange, set_lines
from models.basket.rules import Line
from models.basket.tables import Basket
from models.history.lines import removed_items
from models.history.record import record_change
from models.history.state import Comparison, VersionUnknown, compare_versions
from models.history.tables import ChangeKind
from models.product.tables import product_keys
from models.rejections import Rejection, RejectionCode
from resolvers.context import parse_segment
from resolvers.divisions import read_divisions
from resolvers.line_outcomes import CheckedLines
from resolvers.outcome import Outcome, rejected
from resolvers.products import look_up_products
from resolvers.quantity_check import QuantityCheck
from resolvers.unit_of_work import Change, Outdated, require_confirmed
from schema.inputs import BasketRevertInput

FIELD = "toVersion"
"""The path of all rejections: every line comes from this one input."""


class Reversal(NamedTuple):
    """The way of a basket from a version to an earlier one, and which of its lines are good."""

    basket_id: int
    version: int
    changes: Sequence[QuantityChange]
    lines: CheckedLines


class BasketRevert(Change[BasketRevertInput]):
    """Makes a version with the quantities of an earlier one."""

    async def prepare(self) -> None:
        """Compares the versions, and asks Commerce for the products of which more is needed.

        Raises BASKET_NOT_FOUND, VERSION_CONFLICT, VERSION_UNKNOWN and COMMERCE_UNAVAILABLE.
        """
        self.segment = parse_segment(self.input.segment_remote_id)
        basket = await find_active(self.buyer.id, self.segment, self.input.expected_version)
        comparison = await self._compare(basket)
        await self._look_up(comparison.changes)
        self.prepared = await self._check(basket, comparison)

    async def _compare(self, basket: Basket | LockedBasket) -> Comparison:
        asked = self.input.to_version
        try:
            return await compare_versions(basket.id, basket.version, asked)
        except VersionUnknown as unknown:
            known = f"versions {unknown.oldest} to {basket.version} are"
            if unknown.oldest == basket.version:
                known = f"only version {basket.version}, the present one, is"
            raise Rejection(
                RejectionCode.VERSION_UNKNOWN,
                f"Version {asked} of the basket is not known; {known}.",
                FIELD,
            ) from None

    async def _look_up(self, changes: Sequence[QuantityChange]) -> None:
        self.keys = await product_keys({change.product_id for change in changes})
        self.needed = {change.product_id for change in changes if change.is_more}
        remote_ids = {self.keys[product_id].remote_id for product_id in self.needed}
        self.found = await look_up_products(self.context, self.segment, remote_ids)
        division_ids = {change.division_id for change in changes}
        self.divisions = await read_divisions(self.buyer, division_ids)

    async def _check(
        self, basket: Basket | LockedBasket, comparison: Comparison
    ) -> Reversal:
        check = QuantityCheck(self.buyer, self.keys, self.found, self.divisions, FIELD)
        present, changes = comparison
        lines = await check.check(changes, present, basket.currency)
        return Reversal(
            basket.id, basket.version, changes, CheckedLines(lines, self.input.on_invalid)
        )

    async def apply(self) -> Outcome:
        """Sets the quantities; raises Outdated when that needs more than was looked up."""
        # A dry run takes the lock too, so that its report is of one version.
        basket = await lock_active(self.buyer.id, self.segment, self.input.expected_version)
        reversal = self.prepared
        # On a busy basket there is always another change: to begin again for each might never end.
        if (basket.id, basket.version) != (reversal.basket_id, reversal.version):
            reversal = await self._prepare_again(basket)
        return await self._carry_out(basket, reversal)

    async def _prepare_again(self, basket: LockedBasket) -> Reversal:
        """Compares the versions again, now that nobody else can change the basket."""
        comparison = await self._compare(basket)
        for change in comparison.changes:
            is_known = (
                change.product_id in self.keys and change.division_id in self.divisions
            )
            if not is_known or (change.is_more and change.product_id not in self.needed):
                raise Outdated
        return await self._check(basket, comparison)

    async def _carry_out(self, basket: LockedBasket, reversal: Reversal) -> Outcome:
        accepted = [reversal.changes[index] for index in reversal.lines.accepted]
        if self.input.dry_run or not accepted:
            return await self._report(reversal)
        lines = [
            Line(change.product_id, change.division_id, change.after) for change in accepted
        ]
        changed = await set_lines(basket, {line.key: line for line in lines})
        require_confirmed(changed.new_products, self.found.confirmed())
        await record_change(basket, ChangeKind.REVERTED, self.author, changed.changed)
        return replace(
            await self._report(reversal), removed=removed_items(changed.changed.lines)
        )

    async def _report(self, reversal: Reversal) -> Outcome:
        """Tells what became of the lines, with the basket as it is now unless all are rejected."""
        lines = reversal.lines
        outcomes = lines.exceptions()
        if lines.is_rejected:
            return replace(rejected(lines.rejections()), line_outcomes=outcomes)
        return Outcome(
            baskets=await self.read(reversal.basket_id),
            line_outcomes=outcomes,
            accepted_count=len(lines.accepted),
        )
