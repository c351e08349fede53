"""The difference between an earlier version of a basket and the basket as it was read."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.basket.rows import BasketSince
from models.history.lines import ChangeLines, UnknownFormat, lines_from_json


class ItemDifference(NamedTuple):
    """The items that are new or changed, by index among those read, and the ids of those gone."""

    changed: Sequence[int]
    removed: Sequence[int]


class EarlierItem:
    """An item that was changed, as it was before all changes; without a price it is a new one."""

    __slots__ = ("currency", "price", "quantities", "removed_divisions")

    def __init__(self, price: int | None, currency: str | None) -> None:
        self.price = price
        self.currency = currency
        self.quantities: dict[int, int] = {}
        """The quantities before by division, of those divisions that were changed."""
        self.removed_divisions = set[int]()
        """The divisions that the item was removed for since then, maybe for a while only."""

    def differs(
        self, price: int, currency: str | None, quantities: Mapping[int, int]
    ) -> bool:
        """Tells whether a client that has this item must replace it by the one that is now."""
        # A new item has no price before, which differs from any.
        if (self.price, self.currency) != (price, currency):
            return True
        return any(
            quantities.get(division, 0) != quantity
            # Added again, the division comes last, behind those it may have come before.
            or (quantity > 0 and division in self.removed_divisions)
            for division, quantity in self.quantities.items()
        )


def find_difference(basket: BasketSince, since: int) -> ItemDifference | None:
    """Returns the difference from a version; None when the changes do not reach back so far."""
    try:
        earlier = _find_earlier_items(basket, since)
    except UnknownFormat:
        return None
    if earlier is None:
        return None
    items, currency = basket.items, basket.columns["currency"]
    changed = []
    for index, (item_id, price, parts) in enumerate(
        zip(items.item_ids, items.prices, items.group_parts(), strict=True)
    ):
        before = earlier.pop(item_id, None)
        if before and before.differs(price, currency, dict(zip(*parts, strict=True))):
            changed.append(index)
    # The others are not in the basket any more; some of them came after the version.
    removed = [item_id for item_id, before in earlier.items() if before.price is not None]
    return ItemDifference(changed, removed)


def _find_earlier_items(basket: BasketSince, since: int) -> dict[int, EarlierItem] | None:
    """Returns the items that were changed after a version; None when not all changes are known."""
    version = basket.columns["version"]
    stored = [lines for changed_to, lines in basket.changes if changed_to > since]
    # Below 1 there is no version that a client could have.
    if since < 1 or len(stored) != version - since:
        return None
    earlier: dict[int, EarlierItem] = {}
    for lines in stored:
        _note_earlier(earlier, lines_from_json(lines))
    return earlier


def _note_earlier(earlier: dict[int, EarlierItem], changes: ChangeLines) -> None:
    """Notes items and quantities before a change, where no change before it has told them."""
    for line in changes.lines:
        item = earlier.get(line.item_id)
        if item is None:
            # Prices are those before the whole change, so any line of the item tells them.
            item = EarlierItem(line.price_before, changes.currency_before)
            earlier[line.item_id] = item
        if line.division_id is not None:
            item.quantities.setdefault(line.division_id, line.quantity_before)
            if line.quantity_after == 0:
                item.removed_divisions.add(line.division_id)
