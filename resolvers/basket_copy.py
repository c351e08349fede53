"""Putting the items of one of the caller's baskets into the active one, at today's prices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.basket.change import remove_all
from models.basket.lines import ChangedLines, add_lines, merge_lines
from models.basket.lock import (
    LockedBasket,
    discard_new,
    find_own,
    open_active,
    peek_active,
)
from models.basket.quantities import read_parts
from models.basket.rules import Lines
from models.history.lines import removed_items
from models.history.record import record_change
from models.history.tables import ChangeKind
from models.product.tables import ProductKeys, product_keys
from models.rejections import Rejection, RejectionCode
from resolvers.chosen_products import check_chosen
from resolvers.context import parse_segment
from resolvers.divisions import read_divisions
from resolvers.item_lines import ItemLine
from resolvers.line_limits import check_addition
from resolvers.line_outcomes import CheckedLines
from resolvers.outcome import Outcome, report_lines
from resolvers.products import look_up_products
from resolvers.unit_of_work import Change, require_confirmed
from schema.inputs import BasketCopyInput
from schema.modes import CopyMode
from schema.node import IdKind, number_of

LINES_AT_ONCE = 250
"""After how many lines other buyers are answered."""


class SourceLine(NamedTuple):
    """A quantity that the source holds, and the keys of its product."""

    product: ProductKeys
    division_id: int
    quantity: int


@dataclass(slots=True, kw_only=True)
class CopiedLine(ItemLine):
    """A line of the source; the path of its faults is the input that names the source."""

    @property
    def field(self) -> tuple[str, ...]:
        """The path of the source in the input."""
        return ("basketId",)

    def reject(self, rejection: Rejection) -> None:
        """Notes a fault, with the path of the source."""
        self.rejections.append(Rejection(rejection.code, rejection.message, *self.field))


class BasketCopy(Change[BasketCopyInput]):
    """Adds the lines of another basket, which it leaves as it is."""

    async def prepare(self) -> None:
        """Reads the source, and finds its products and divisions as they are today.

        Raises BASKET_NOT_FOUND and PRODUCT_NOT_IN_BASKET.
        """
        self.segment = parse_segment(self.input.segment_remote_id)
        self.source_id = (
            await find_own(self.buyer.id, number_of(IdKind.BASKET, self.input.basket_id))
        ).id
        source = self._select(await _read_source(self.source_id))
        remote_ids = {line.product.remote_id for line in source}
        # A product that is only added to keeps its price; any other gets that of today.
        only_fresh = self.input.mode is CopyMode.REPLACE
        self.found = await look_up_products(
            self.context, self.segment, remote_ids, only_fresh=only_fresh, in_parts=True
        )
        await self._check_each(source)

    def _select(self, source: Sequence[SourceLine]) -> Sequence[SourceLine]:
        """Returns the lines of the chosen products; rejects those that the source lacks."""
        chosen = self.input.product_remote_ids
        if chosen is None:
            return source
        held, selected = {line.product.remote_id for line in source}, set(chosen)
        check_chosen(chosen, held, "the basket to copy")
        return [line for line in source if line.product.remote_id in selected]

    async def _check_each(self, source: Sequence[SourceLine]) -> None:
        """Notes the faults that each line has by itself."""
        division_ids = {line.division_id for line in source}
        divisions = await read_divisions(self.buyer, division_ids)
        self.lines: list[CopiedLine] = []
        for index, (product, division_id, quantity) in enumerate(source):
            if index % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
            line = CopiedLine(
                index=index,
                product_key=product.remote_id,
                division_key=division_id,
                remote_id=product.remote_id,
                sku=product.sku,
                division=None,
                quantity=quantity,
                has_quantity=True,
            )
            line.resolve(self.buyer, self.found, divisions)
            line.require(self.buyer, self.found, divisions)
            self.lines.append(line)

    async def apply(self) -> Outcome:
        """Adds the good lines, to an emptied basket if it replaces, unless it is a dry run.

        Raises INVALID_INPUT for the active basket itself, VERSION_CONFLICT, and Outdated when a
        product that Commerce was not asked for has left the basket.
        """
        find = peek_active if self.input.dry_run else open_active
        basket = await find(self.buyer.id, self.segment, self.input.expected_version)
        if basket.id == self.source_id:
            raise Rejection(
                RejectionCode.INVALID_INPUT,
                "The basket cannot be copied into itself.",
                "basketId",
            )
        is_emptied = self.input.mode is CopyMode.REPLACE
        checked = await check_addition(
            self.lines,
            _emptied(basket) if is_emptied else basket,
            self.found,
            self.input.on_invalid,
        )
        is_copied = bool(checked.accepted) and not self.input.dry_run
        removed = await self._copy(basket, checked) if is_copied else []
        if not is_copied and not self.input.dry_run:
            await discard_new(basket)
        baskets = None
        if not checked.is_rejected:
            baskets = await self.read_if_any(basket, is_changed=is_copied)
        return report_lines(
            checked,
            checked.exceptions(),
            baskets=baskets,
            removed=removed,
            accepted_count=len(checked.accepted),
            is_final=is_copied or not checked.is_unasked,
        )

    async def _copy(self, basket: LockedBasket, checked: CheckedLines) -> list[int]:
        """Adds the accepted lines and returns the ids of the items that are gone."""
        lines = merge_lines([self.lines[index].to_line() for index in checked.accepted])
        added = await self._write(basket, lines)
        require_confirmed(added.new_products, self.found.confirmed())
        await record_change(basket, ChangeKind.COPIED, self.author, added.changed)
        return removed_items(added.changed.lines)

    async def _write(self, basket: LockedBasket, lines: Lines) -> ChangedLines:
        if self.input.mode is CopyMode.ADD:
            return await add_lines(basket, lines)
        removed = await remove_all(basket.id)
        added = await add_lines(_emptied(basket), lines)
        # Removals come last: undoing a change, the last line of a product tells what was before.
        changed = added.changed._replace(lines=[*added.changed.lines, *removed])
        return added._replace(changed=changed)


async def _read_source(basket_id: int) -> list[SourceLine]:
    rows = await read_parts(basket_id)
    keys = await product_keys({row["product_id"] for row in rows})
    return [
        SourceLine(keys[row["product_id"]], row["division_id"], row["quantity"])
        for row in rows
    ]


def _emptied(basket: LockedBasket) -> LockedBasket:
    return basket._replace(item_count=0, total_quantity=0, total_amount=0, currency=None)
