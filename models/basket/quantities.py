"""Setting many quantities of a locked basket at once, inside a unit of work."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from models.basket.lines import (
    LINES_AT_ONCE,
    ChangedLines,
    add_items,
    quantities_of,
    read_held_parts,
)
from models.basket.lock import LockedBasket
from models.basket.rules import Line, Lines
from models.database.statements import Row, load_statements
from models.history.lines import ChangeLine
from models.history.record import Changed

_STATEMENTS = load_statements(__file__)
_HELD_PARTS = _STATEMENTS["held_parts"]
_SET_QUANTITIES = _STATEMENTS["set_quantities"]
_REMOVE_QUANTITIES = _STATEMENTS["remove_quantities"]
_REMOVE_ITEMS = _STATEMENTS["remove_items"]

PartKey = tuple[int, int]
"""The ids of a product and a division."""


class QuantityChange(NamedTuple):
    """A quantity of a product for a division before and after a change, 0 for none."""

    product_id: int
    division_id: int
    before: int
    after: int

    @property
    def key(self) -> PartKey:
        """The ids of the product and the division."""
        return self.product_id, self.division_id

    @property
    def is_more(self) -> bool:
        """Whether the change needs more pieces than there are."""
        return self.after > self.before


async def read_parts(basket_id: int) -> Sequence[Row]:
    """Reads the quantities of a basket with item, product, price and division, in their order."""
    return await _HELD_PARTS.rows(basket_id=basket_id)


async def read_quantities(basket_id: int) -> Mapping[PartKey, int]:
    """Returns the quantities that a basket holds, in the order of its items."""
    return quantities_of(await read_parts(basket_id))


class PricedItem(NamedTuple):
    """The id of an item and its price in hundredths; it is new if this change made it."""

    id: int
    price: int
    is_new: bool


class LineSetting:
    """The lines that change a quantity, and the items that hold their products."""

    def __init__(self, lines: Iterable[Line], held: Sequence[Row]) -> None:
        self.before: Mapping[PartKey, int] = quantities_of(held)
        self.part_ids = {
            (row["product_id"], row["division_id"]): row["part_id"] for row in held
        }
        self.items = {
            row["product_id"]: PricedItem(row["item_id"], row["price"], is_new=False)
            for row in held
        }
        # Lines of 0 for products that the basket does not hold are left out here too.
        self.lines = [line for line in lines if line.quantity != self._before(line)]
        self.gone = self._find_gone()

    def _before(self, line: Line) -> int:
        return self.before.get(line.key, 0)

    def _find_gone(self) -> set[int]:
        """Returns the products that are left without a division."""
        counts = Counter(product_id for product_id, _ in self.before)
        for line in self.lines:
            counts[line.product_id] += bool(line.quantity) - bool(self._before(line))
        return {product_id for product_id, count in counts.items() if count == 0}

    @property
    def new_lines(self) -> list[Line]:
        """The lines of products that the basket does not hold."""
        return [line for line in self.lines if line.product_id not in self.items]

    def removed_parts(self) -> list[int]:
        """Returns the ids of the parts to remove from items that keep others."""
        return [
            self.part_ids[line.key]
            for line in self.lines
            if line.quantity == 0 and line.product_id not in self.gone
        ]

    def set_parts(self) -> Iterator[dict[str, int]]:
        """Yields the parts to write, as the statement takes them."""
        for position, line in enumerate(self.lines):
            if line.quantity:
                yield {
                    "position": position,
                    "item_id": self.items[line.product_id].id,
                    "division_id": line.division_id,
                    "quantity": line.quantity,
                }

    def change_lines(self) -> Iterator[ChangeLine]:
        """Yields the lines of history."""
        for line in self.lines:
            item = self.items[line.product_id]
            yield ChangeLine(
                item.id,
                line.product_id,
                line.division_id,
                self._before(line),
                line.quantity,
                None if item.is_new else item.price,
                None if line.product_id in self.gone else item.price,
            )


async def set_lines(basket: LockedBasket, lines: Lines) -> ChangedLines:
    """Sets the quantities of products for divisions in a locked basket, 0 to remove them.

    New products get items in the order of the lines, at their present prices; items that are left
    without a division are removed. Lines that change nothing are no part of the change.
    """
    requested = list(lines.values())
    setting = LineSetting(requested, await read_held_parts(basket.id, requested))
    new = await add_items(basket.id, setting.new_lines)
    for row in new:
        setting.items[row["product_id"]] = PricedItem(
            row["item_id"], row["price"], is_new=True
        )
    # First, because the parts of an item go with it.
    gone = [setting.items[product_id].id for product_id in setting.gone]
    await _REMOVE_ITEMS.rows(item_ids=gone)
    await _REMOVE_QUANTITIES.rows(part_ids=setting.removed_parts())
    await _set_parts(setting.set_parts())
    currencies = {row["currency"] for row in new}
    if basket.currency and basket.item_count > len(gone):
        currencies.add(basket.currency)
    changed = Changed(list(setting.change_lines()), currencies, lines)
    return ChangedLines(changed, {row["product_id"] for row in new})


async def _set_parts(parts: Iterable[dict[str, int]]) -> None:
    """Writes the parts, LINES_AT_ONCE at a time."""
    rows = list(parts)
    for first in range(0, len(rows), LINES_AT_ONCE):
        text = orjson.dumps(rows[first : first + LINES_AT_ONCE]).decode()
        await _SET_QUANTITIES.rows(parts=text)
