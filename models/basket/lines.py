"""Adding lines to a locked basket, step by step, inside a unit of work: the slow path of adding."""

from collections.abc import Iterable, Sequence

import orjson

from models.basket.rules import Line, Lines, check_quantity, check_rules
from models.database.statements import load_statements

LINES_AT_ONCE = 10_000
"""How many lines one statement adds: writing many more would keep other buyers waiting."""

_STATEMENTS = load_statements(__file__)
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


async def add_lines(basket_id: int, lines: Lines) -> set[int]:
    """Adds merged lines to a locked basket; returns the ids of the products that are new to it.

    Raises INVALID_QUANTITY, BASKET_LIMIT_EXCEEDED or CURRENCY_MISMATCH when the basket then breaks
    a rule.
    """
    added, new_products = list(lines.values()), set[int]()
    for first in range(0, len(added), LINES_AT_ONCE):
        part = added[first : first + LINES_AT_ONCE]
        rows = await _ADD_ITEMS.rows(basket_id=basket_id, lines=_products_text(part))
        # Only inserted rows come back; the caller checks that Commerce confirmed their products.
        new_products |= {row["product_id"] for row in rows}
        await _ADD_QUANTITIES.rows(basket_id=basket_id, lines=_lines_text(part))
    # Once and last: all parts together may exceed a limit that each of them keeps.
    await check_rules(basket_id, lines)
    return new_products


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
