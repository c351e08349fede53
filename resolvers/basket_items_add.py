"""Adding lines to the active basket: all of them, or the good ones, or none in a dry run."""

from datetime import datetime

from models.basket.add import Addition, RequestedLine, add_known_lines
from models.basket.lines import add_lines, merge_lines
from models.basket.lock import LockedBasket, discard_new, open_active, peek_active
from models.basket.rows import BasketRows
from models.basket.rules import check_quantity
from models.history.record import record_change
from models.history.tables import ChangeKind
from models.idempotency import Key, KnownKey
from resolvers.context import parse_segment
from resolvers.divisions import read_divisions
from resolvers.item_lines import (
    MAXIMUM_LINES,
    check_line_count,
    keys_of_divisions,
    keys_of_products,
    parse_division_key,
    parse_product_key,
    read_item_lines,
)
from resolvers.line_limits import check_addition
from resolvers.line_outcomes import CheckedLines
from resolvers.outcome import Outcome, report_lines
from resolvers.products import find_confirmed, look_up_products
from resolvers.unit_of_work import Change, require_confirmed
from schema.inputs import BasketItemInput, BasketItemsAddInput
from schema.line_outcome import OnInvalid


def _requested_line(line: BasketItemInput) -> RequestedLine:
    """Returns a line as the fast path takes it; raises a rejection of its quantity or keys."""
    check_quantity(line.quantity)
    parse_product_key(line)
    division = parse_division_key(line)
    division_id = division if isinstance(division, int) else None
    return RequestedLine(
        line.product_remote_id,
        line.sku,
        division_id,
        line.division_erp_code,
        line.quantity,
    )


class BasketItemsAdd(Change[BasketItemsAddInput]):
    """Adds lines to the active basket."""

    async def try_fast_path(self, key: Key | None) -> Outcome | KnownKey | None:
        """Adds the lines in one step, which is possible for almost all additions."""
        segment = parse_segment(self.input.segment_remote_id)
        is_plain = self._is_strict and not self.input.dry_run
        if not (is_plain and 1 <= len(self.input.items) <= MAXIMUM_LINES):
            return None
        addition = Addition(
            buyer=self.buyer,
            origin=self.context.origin,
            segment=segment,
            expected_version=self.input.expected_version,
            key=key,
            lines=[_requested_line(line) for line in self.input.items],
            confirmed_since=self._confirmed_since(),
        )
        added = await add_known_lines(self.context.catalogue, addition, self.wants)
        return Outcome(baskets=added) if isinstance(added, BasketRows) else added

    def _confirmed_since(self) -> datetime:
        """Returns the oldest confirmation needing no call; a later one where a line has a SKU."""
        confirmed = find_confirmed(self.context.policy)
        has_sku = any(line.sku is not None for line in self.input.items)
        return confirmed.sku_since if has_sku else confirmed.since

    @property
    def _is_strict(self) -> bool:
        return self.input.on_invalid is OnInvalid.REJECT

    async def prepare(self) -> None:
        """Finds the divisions and products of all lines, and notes the faults of each."""
        self.segment = parse_segment(self.input.segment_remote_id)
        check_line_count(self.input.items)
        self.lines = read_item_lines(self.input.items)
        divisions = await read_divisions(self.buyer, keys_of_divisions(self.lines))
        self.found = await look_up_products(
            self.context, self.segment, keys_of_products(self.lines), in_parts=True
        )
        for line in self.lines:
            line.resolve(self.buyer, self.found, divisions)
            line.require(self.buyer, self.found, divisions)

    async def apply(self) -> Outcome:
        """Adds the good lines, unless it is a dry run or others keep them from being added.

        Raises VERSION_CONFLICT, and Outdated when a product that Commerce was not asked for has
        left the basket.
        """
        is_report = self.input.dry_run or not self._is_any_good()
        # A report takes no lock, and makes no basket.
        find = peek_active if is_report else open_active
        basket = await find(self.buyer.id, self.segment, self.input.expected_version)
        checked = await check_addition(
            self.lines, basket, self.found, self.input.on_invalid
        )
        is_added = bool(checked.accepted) and not is_report
        if is_added:
            await self._add(basket, checked)
        elif not is_report:
            await discard_new(basket)
        baskets = None
        if not checked.is_rejected:
            baskets = await self.read_if_any(basket, is_changed=is_added)
        is_final = is_added or not checked.is_unasked
        # Rejections of the whole input tell which lines they are of.
        outcomes = [] if checked.is_rejected else checked.rejected_outcomes()
        return report_lines(checked, outcomes, baskets=baskets, is_final=is_final)

    def _is_any_good(self) -> bool:
        faults = [bool(line.rejections) for line in self.lines]
        return not any(faults) if self._is_strict else not all(faults)

    async def _add(self, basket: LockedBasket, checked: CheckedLines) -> None:
        lines = [self.lines[index].to_line() for index in checked.accepted]
        added = await add_lines(basket, merge_lines(lines))
        require_confirmed(added.new_products, self.found.confirmed())
        await record_change(basket, ChangeKind.ITEMS_ADDED, self.author, added.changed)
