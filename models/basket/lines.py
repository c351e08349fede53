"""Adding lines to a locked basket, step by step, inside a unit of work: the slow path of adding."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from models.basket.lock import LockedBasket
from models.basket.rules import Line, Lines, check_quantity
from models.database.statements import Row, load_statements
from models.history.lines import ChangeLine
from models.history.record import Changed

LINES_AT_ONCE = 10_000
"""How many lines one statement adds: writing many more would keep other buyers waiting."""

_STATEMENTS = load_statements(__file__)
_HELD_QUANTITIES = _STATEMENTS["held_quantities"]
_ADD_ITEMS = _STATEMENTS["add_items"]
_ADD_QUANTITIES = _STATEMENTS["add_quantities"]


def merge_lines(lines: Sequence[Line]) -> dict[tuple[int, int], Line]:
    """Adds up lines of the same product and division, in the order they first came."""
    sums: dict[tuple[int, int], Line] = {}
    for line in lines:
        key = (line.product_id, line.division_id)
        before = sums[key].quantity if key in sums else 0
        check_quantity(before + line.quantity, line.field)
        sums[key] = Line(*key, before + line.quantity, line.field)
    return sums


class ChangedLines(NamedTuple):
    """What an addition or a setting changed, and the ids of the products new to the basket.

    The caller checks that Commerce confirmed those products.
    """

    changed: Changed
    new_products: set[int]


async def add_lines(basket: LockedBasket, lines: Lines) -> ChangedLines:
    """Adds merged lines to a locked basket."""
    added = list(lines.values())
    # A basket that was just made holds nothing.
    held = await read_held_parts(basket.id, added) if basket.item_count else []
    new = await add_items(basket.id, added)
    for part in _split(added):
        await _ADD_QUANTITIES.rows(basket_id=basket.id, lines=_lines_text(part))
    currencies = {row["currency"] for row in new}
    if basket.currency:
        currencies.add(basket.currency)
    changed = Changed(list(_change_lines(added, held, new)), currencies, lines)
    return ChangedLines(changed, {row["product_id"] for row in new})


def quantities_of(parts: Iterable[Row]) -> dict[tuple[int, int], int]:
    """Returns the quantities of parts by product and division, in their order."""
    return {(part["product_id"], part["division_id"]): part["quantity"] for part in parts}


async def read_held_parts(basket_id: int, lines: Sequence[Line]) -> list[Row]:
    """Returns the parts of the items that hold the products of the lines already."""
    parts = [
        await _HELD_QUANTITIES.rows(basket_id=basket_id, lines=_products_text(part))
        for part in _split(lines)
    ]
    return [row for rows in parts for row in rows]


async def add_items(basket_id: int, lines: Sequence[Line]) -> list[Row]:
    """Adds items for the products that the basket does not hold yet, and returns those."""
    items = [
        await _ADD_ITEMS.rows(basket_id=basket_id, lines=_products_text(part))
        for part in _split(lines)
    ]
    return [row for rows in items for row in rows]


def _split(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for first in range(0, len(lines), LINES_AT_ONCE):
        yield lines[first : first + LINES_AT_ONCE]


def _change_lines(
    added: Iterable[Line], held: Sequence[Row], new: Iterable[Row]
) -> Iterator[ChangeLine]:
    """Yields the lines of history, from the rows that were held and those that are new."""
    before = quantities_of(held)
    items = {
        row["product_id"]: (row["item_id"], row["price"], row["price"]) for row in held
    }
    items |= {row["product_id"]: (row["item_id"], None, row["price"]) for row in new}
    for product_id, division_id, quantity, _ in added:
        item_id, *prices = items[product_id]
        held_quantity = before.get((product_id, division_id), 0)
        quantities = held_quantity, held_quantity + quantity
        yield ChangeLine(item_id, product_id, division_id, *quantities, *prices)


def _products_text(lines: Iterable[Line]) -> str:
    # A product for several divisions is one item; the database would find that out at the price of
    # a row each.
    product_ids = dict.fromkeys(line.product_id for line in lines)
    return orjson.dumps(
        [{"position": index, "product_id": id} for index, id in enumerate(product_ids)]
    ).decode()


def _lines_text(lines: Iterable[Line]) -> str:
    values = [
        {
            "position": index,
            "product_id": line.product_id,
            "division_id": line.division_id,
            "quantity": line.quantity,
        }
        for index, line in enumerate(lines)
    ]
    return orjson.dumps(values).decode()
