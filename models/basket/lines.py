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


class AddedLines(NamedTuple):
    """What an addition changed, and the ids of the products that are new to the basket."""

    changed: Changed
    new_products: set[int]


async def add_lines(basket: LockedBasket, lines: Lines) -> AddedLines:
    """Adds merged lines to a locked basket."""
    added, changes = list(lines.values()), list[ChangeLine]()
    new_products = set[int]()
    currencies = {basket.currency} if basket.currency else set[str]()
    for first in range(0, len(added), LINES_AT_ONCE):
        part = added[first : first + LINES_AT_ONCE]
        products = _products_text(part)
        held = await _HELD_QUANTITIES.rows(basket_id=basket.id, lines=products)
        new = await _ADD_ITEMS.rows(basket_id=basket.id, lines=products)
        await _ADD_QUANTITIES.rows(basket_id=basket.id, lines=_lines_text(part))
        changes += _change_lines(part, held, new)
        # Only inserted rows come back; the caller checks that Commerce confirmed their products.
        new_products |= {row["product_id"] for row in new}
        currencies |= {row["currency"] for row in new}
    return AddedLines(Changed(changes, currencies, lines), new_products)


def _change_lines(
    added: Iterable[Line], held: Iterable[Row], new: Iterable[Row]
) -> Iterator[ChangeLine]:
    """Yields the lines of history, from the rows that were held and those that are new."""
    before = {(row["product_id"], row["division_id"]): row["quantity"] for row in held}
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
