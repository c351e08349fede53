"""Recording a change in its transaction: the version, the totals and the row of history."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from models.basket.lock import LockedBasket
from models.basket.rules import Breach, Lines, Sums, check_rules
from models.database.statements import Row, load_statements
from models.history.lines import ChangeLine, lines_to_text
from models.history.tables import BasketChange, ChangeKind, ChangeOrigin
from models.timestamps import now

_COUNT_VERSION = load_statements(__file__)["count_version"]


class Author(NamedTuple):
    """The user who makes a change, None on the command line, and the interface they use."""

    user_id: int | None
    origin: ChangeOrigin


class Changed(NamedTuple):
    """The lines of a change, and the currencies that items have after it, of which one is allowed.

    `requested` has the lines of the input, for the paths of rejections.
    """

    lines: Sequence[ChangeLine]
    currencies: Collection[str]
    requested: Lines


def without_lines(basket: LockedBasket) -> Changed:
    """Returns a change of the basket alone, such as of its status."""
    return in_currency_of(basket, ())


def in_currency_of(basket: LockedBasket, lines: Sequence[ChangeLine]) -> Changed:
    """Returns a change that leaves the basket's currency as it is."""
    return Changed(lines, {basket.currency} if basket.currency else (), {})


async def record_change(
    basket: LockedBasket, kind: ChangeKind, author: Author, changed: Changed
) -> None:
    """Counts a version of a locked basket whose items were changed, and writes its history.

    Raises INVALID_QUANTITY, BASKET_LIMIT_EXCEEDED or CURRENCY_MISMATCH when the basket now breaks
    a rule; rolling back undoes the change too.
    """
    changed_at = now()
    after = await _count_version(basket, changed, changed_at)
    await _check(basket, changed, after)
    text = lines_to_text(changed.lines, basket.currency)
    await BasketChange.create(
        basket_id=basket.id,
        version=after["version"],
        kind=kind,
        origin=author.origin,
        user_id=author.user_id,
        created_at=changed_at,
        currency=after["currency"],
        total_amount=after["total_amount"],
        total_quantity=after["total_quantity"],
        line_count=len(changed.lines),
        lines=text,
    )


async def _count_version(
    basket: LockedBasket, changed: Changed, changed_at: datetime
) -> Row:
    added_items = _count_items(changed.lines)
    is_empty = basket.item_count + added_items == 0
    return await _COUNT_VERSION.one(
        basket_id=basket.id,
        changed_at=changed_at,
        items=added_items,
        quantity=sum(line.quantity_after - line.quantity_before for line in changed.lines),
        amount=sum(line.amount_after - line.amount_before for line in changed.lines),
        currency=None if is_empty else min(changed.currencies),
    )


async def _check(basket: LockedBasket, changed: Changed, after: Row) -> None:
    # A line without a division has the quantity of a whole item, which has no limit of its own.
    parts = [line for line in changed.lines if line.division_id is not None]
    sums = Sums(
        highest_quantity=max((line.quantity_after for line in parts), default=0),
        item_count=after["item_count"],
        total_quantity=after["total_quantity"],
        currency_count=len(changed.currencies),
    )
    await check_rules(Breach(basket.id, sums, changed.lines, changed.requested))


def _count_items(lines: Sequence[ChangeLine]) -> int:
    """Counts the items that are new, less those that are gone."""
    new = {line.item_id for line in lines if line.price_before is None}
    gone = {line.item_id for line in lines if line.price_after is None}
    return len(new) - len(gone)
