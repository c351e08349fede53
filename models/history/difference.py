"""The difference between an earlier version of a basket and the basket as it was read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from models.basket.rows import BasketSince, FullBasket
from models.history.lines import UnknownFormat, check_format


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


NO_DIFFERENCE = ItemDifference((), ())


def find_difference(basket: BasketSince, since: int) -> ItemDifference | None:
    """Returns the difference from a version; None when the changes do not reach back so far."""
    if since == basket.columns["version"]:
        return NO_DIFFERENCE
    try:
        earlier = _find_earlier_items(basket, since)
    except UnknownFormat:
        return None
    if earlier is None or basket.items is None:
        return None
    changed = _find_changed(basket.items, earlier)
    # The others are not in the basket any more; some of them came after the version.
    removed = [item_id for item_id, before in earlier.items() if before.price is not None]
    return ItemDifference(changed, removed)


def _find_changed(items: FullBasket, earlier: dict[int, EarlierItem]) -> Sequence[int]:
    """Returns the indexes of the items that differ; takes those out that are in the basket."""
    currency, changed = items.columns["currency"], []
    for index, (item_id, price, parts) in enumerate(
        zip(items.item_ids, items.prices, items.group_parts(), strict=True)
    ):
        before = earlier.pop(item_id, None)
        if before and before.differs(price, currency, dict(zip(*parts, strict=True))):
            changed.append(index)
    return changed


def _find_earlier_items(basket: BasketSince, since: int) -> dict[int, EarlierItem] | None:
    """Returns the items that were changed after a version; None when not all changes are known."""
    version = basket.columns["version"]
    stored = [lines for changed_to, lines in basket.changes if changed_to > since]
    # Below 1 there is no version that a client could have.
    if since < 1 or len(stored) != version - since:
        return None
    earlier: dict[int, EarlierItem] = {}
    for lines in stored:
        if lines is not None:
            check_format(lines)
            _note_earlier(earlier, lines)
    return earlier


def _note_earlier(earlier: dict[int, EarlierItem], lines: Mapping[str, Any]) -> None:
    """Notes items and quantities before a change, where no change before it has told them."""
    # The stored columns: to make an object of each line would take most of the time of a delta.
    currency = lines["currency_before"]
    for item_id, division_id, before, after, price in zip(
        lines["items"],
        lines["divisions"],
        lines["quantities_before"],
        lines["quantities_after"],
        lines["prices_before"],
        strict=True,
    ):
        item = earlier.get(item_id)
        if item is None:
            # Prices are those before the whole change, so any line of the item tells them.
            item = earlier[item_id] = EarlierItem(price, currency)
        if division_id is not None:
            item.quantities.setdefault(division_id, before)
            if after == 0:
                item.removed_divisions.add(division_id)
