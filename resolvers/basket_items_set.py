"""Setting many quantities of the active basket at once, as a grid of products and divisions."""

from collections.abc import Mapping

from models.basket.lines import quantities_of, read_held_parts
from models.basket.lock import LockedBasket, discard_new, open_active, peek_active
from models.basket.quantities import PartKey, read_quantities, set_lines
from models.basket.rules import Line
from models.history.lines import removed_items
from models.history.record import record_change
from models.history.tables import ChangeKind
from models.rejections import Rejection
from resolvers.context import parse_segment
from resolvers.divisions import read_divisions
from resolvers.item_lines import (
    check_line_count,
    keys_of_divisions,
    keys_of_products,
    read_item_lines,
)
from resolvers.line_outcomes import CheckedLines
from resolvers.outcome import Outcome, report_lines
from resolvers.products import look_up_known, look_up_products
from resolvers.setting_check import SettingCheck, key_of, parts_to_remove, reject_repeated
from resolvers.unit_of_work import Change, require_confirmed
from schema.inputs import BasketItemsSetInput
from schema.line_outcome import OnInvalid
from schema.modes import SetMode


class BasketItemsSet(Change[BasketItemsSetInput]):
    """Sets quantities, so that a second time changes nothing."""

    async def prepare(self) -> None:
        """Finds the divisions and products of all lines; Commerce is not asked for zeros."""
        self.segment = parse_segment(self.input.segment_remote_id)
        check_line_count(self.input.items)
        self.lines = read_item_lines(self.input.items, least=0)
        self.divisions = await read_divisions(self.buyer, keys_of_divisions(self.lines))
        some = [line for line in self.lines if line.quantity]
        self.found = await look_up_products(
            self.context, self.segment, keys_of_products(some), in_parts=True
        )
        none = [line for line in self.lines if not line.quantity]
        known = await look_up_known(self.context, self.segment, keys_of_products(none))
        for line in self.lines:
            found = self.found if line.quantity else known
            line.resolve(self.buyer, found, self.divisions)
        reject_repeated(self.lines)

    @property
    def _is_strict(self) -> bool:
        return self.input.on_invalid is OnInvalid.REJECT

    async def apply(self) -> Outcome:
        """Sets the quantities, unless it is a dry run or others keep them from being set.

        Raises VERSION_CONFLICT, and Outdated when a product that Commerce was not asked for has
        left the basket.
        """
        is_bad = self._is_strict and any(line.rejections for line in self.lines)
        is_report = self.input.dry_run or is_bad
        # A report takes no lock, and makes no basket.
        find = peek_active if is_report else open_active
        basket = await find(self.buyer.id, self.segment, self.input.expected_version)
        check, of_all = await self._check(basket)
        checked = CheckedLines(self.lines, self.input.on_invalid, of_all)
        changes = {} if checked.is_rejected else check.changes(checked.accepted)
        is_change = bool(changes) and not is_report
        removed = await self._set(basket, changes) if is_change else []
        if not is_report and not is_change:
            await discard_new(basket)
        baskets = None
        if not checked.is_rejected:
            baskets = await self.read_if_any(basket, is_changed=is_change)
        # Rejections of the whole input tell which lines they are of.
        outcomes = [] if checked.is_rejected else checked.rejected_outcomes()
        is_final = is_change or not checked.is_unasked
        return report_lines(
            checked, outcomes, baskets=baskets, removed=removed, is_final=is_final
        )

    async def _check(self, basket: LockedBasket) -> tuple[SettingCheck, list[Rejection]]:
        """Checks the lines in the basket as it is."""
        held = await self._read_held(basket)
        removed = list[PartKey]()
        if self.input.mode is SetMode.REPLACE:
            removed = parts_to_remove(held, self.lines)
        check = SettingCheck(self.lines, basket, held, removed)
        check.require(self.buyer, self.found, self.divisions)
        of_all = check.check(is_strict=self._is_strict)
        return check, [*(self.found.unasked() if self._is_strict else ()), *of_all]

    async def _read_held(self, basket: LockedBasket) -> Mapping[PartKey, int]:
        if self.input.mode is SetMode.REPLACE:
            return await read_quantities(basket.id)
        # Of a large basket only the products that are named.
        named = [Line(*key, 0) for key in map(key_of, self.lines) if key]
        return quantities_of(await read_held_parts(basket.id, named))

    async def _set(
        self, basket: LockedBasket, changes: Mapping[PartKey, Line]
    ) -> list[int]:
        """Sets the quantities and returns the ids of the items that are gone."""
        changed = await set_lines(basket, changes)
        require_confirmed(changed.new_products, self.found.confirmed())
        await record_change(basket, ChangeKind.ITEMS_SET, self.author, changed.changed)
        return removed_items(changed.changed.lines)
