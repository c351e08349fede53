"""Changing baskets: atomic statements, run inside a unit of work, each of which locks the basket's row first.

Whatever touches a basket begins with `open_active` or `lock_active`, so that two changes of one basket run one
after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from models.basket.tables import MAXIMUM_ITEMS, MAXIMUM_QUANTITY, MAXIMUM_TOTAL_QUANTITY
from models.database.statement import Row, Statement, now
from models.rejections import Rejected, Rejection, RejectionCode

LINES_AT_ONCE = 10_000
"""How many lines one statement adds: writing many more at once would keep other buyers waiting."""


class Line(NamedTuple):
    """A quantity of a product for a division, to be added; `field` is where in the input it was asked for."""

    product_id: int
    division_id: int
    quantity: int
    field: tuple[str, ...] = ()


class _Sums(NamedTuple):
    """What the rules of a basket are checked by; it is mixed when its items are priced in several currencies."""

    item_count: int
    total_quantity: int
    highest_quantity: int
    is_mixed: bool


_OPEN = Statement(
    "INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) "
    "VALUES ($1, $2, 'ACTIVE', 1, $3, $3) "
    "ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE' "
    "DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at RETURNING id, version"
)
_ADD_ITEMS = Statement(
    "INSERT INTO basket_item (basket_id, product_id, price, currency) SELECT $1, p.id, p.price, p.currency "
    "FROM jsonb_to_recordset($2::jsonb) AS line(position int, product_id bigint) "
    "JOIN product p ON p.id = line.product_id WHERE true ORDER BY line.position "
    "ON CONFLICT (basket_id, product_id) DO NOTHING RETURNING product_id"
)
_ADD_QUANTITIES = Statement(
    "INSERT INTO basket_item_division (item_id, division_id, quantity) SELECT i.id, line.division_id, line.quantity "
    "FROM jsonb_to_recordset($2::jsonb) AS line(position int, product_id bigint, division_id int, quantity int) "
    "JOIN basket_item i ON i.basket_id = $1 AND i.product_id = line.product_id WHERE true ORDER BY line.position "
    "ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = basket_item_division.quantity + excluded.quantity"
)
_TOO_MANY = Statement(
    "SELECT i.product_id, q.division_id, q.quantity FROM basket_item i JOIN basket_item_division q ON q.item_id = i.id "
    f"WHERE i.basket_id = $1 AND q.quantity > {MAXIMUM_QUANTITY} ORDER BY q.id LIMIT 1"
)
_ITEM = Statement(
    "SELECT i.id, p.sku, p.is_available FROM basket_item i JOIN product p ON p.id = i.product_id "
    "WHERE i.basket_id = $1 AND p.remote_id = $2"
)
_SET_QUANTITY = Statement(
    "INSERT INTO basket_item_division (item_id, division_id, quantity) VALUES ($1, $2, $3) "
    "ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = excluded.quantity"
)
_REMOVE_QUANTITY = Statement(
    "DELETE FROM basket_item_division WHERE item_id = $1 AND division_id = $2 RETURNING item_id"
)
_REMOVE_IF_BARE = Statement(
    "DELETE FROM basket_item WHERE id = $1 "
    "AND NOT EXISTS (SELECT 1 FROM basket_item_division WHERE item_id = $1) RETURNING id"
)
_REMOVE_ITEM = Statement("DELETE FROM basket_item WHERE id = $1")
_REMOVE_ALL = Statement("DELETE FROM basket_item WHERE basket_id = $1 RETURNING id")
_SUMS = Statement(
    "SELECT COUNT(DISTINCT i.id), CAST(COALESCE(SUM(q.quantity), 0) AS BIGINT), COALESCE(MAX(q.quantity), 0), "
    "MIN(i.currency) <> MAX(i.currency) FROM basket_item i JOIN basket_item_division q ON q.item_id = i.id "
    "WHERE i.basket_id = $1"
)
_FOREIGN = Statement(
    "SELECT p.id, p.remote_id, i.currency, first.currency FROM basket_item i JOIN product p ON p.id = i.product_id "
    "JOIN (SELECT currency FROM basket_item WHERE basket_id = $1 ORDER BY id LIMIT 1) first "
    "ON first.currency <> i.currency WHERE i.basket_id = $1 ORDER BY i.id"
)


def check_version(expected: int | None, row: Row) -> None:
    """Raises VERSION_CONFLICT unless the version before this change, 0 for no basket, is the expected one."""
    before = int(row[1]) - 1
    if expected is not None and expected != before:
        message = f"The basket is at version {before}, not at the expected version {expected}; read it and try again."
        raise Rejection(RejectionCode.VERSION_CONFLICT, message, "expectedVersion")


async def open_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Locks the active basket, making it where there is none, counts a version, and returns its id."""
    row = await _OPEN.row(user_id, segment, now())
    if row is None:
        raise RuntimeError("The insert of an active basket returned no row.")
    check_version(expected_version, row)
    return int(row[0])


async def lock_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Locks the active basket, counts a version, and returns its id; raises BASKET_NOT_FOUND when there is none.

    It makes the basket where there is none, and the rejection undoes that. A plain UPDATE would
    not do: on PostgreSQL it waits for a load in progress, sees that the basket it waited for is
    now a draft, and misses the one just loaded.
    """
    row = await _OPEN.row(user_id, segment, now())
    if row is None or row[1] == 1:
        raise no_active_basket(segment)
    check_version(expected_version, row)
    return int(row[0])


def no_active_basket(segment: int) -> Rejection:
    """Returns the rejection for a segment in which nothing was added yet."""
    where = f"in segment {segment}" if segment else "without a segment"
    return Rejection(
        RejectionCode.BASKET_NOT_FOUND,
        f"You have no active basket {where}.",
        "segmentRemoteId",
    )


def merged(lines: Sequence[Line]) -> dict[tuple[int, int], Line]:
    """Adds up lines of the same product and division, in the order they first came."""
    sums: dict[tuple[int, int], Line] = {}
    for line in lines:
        key = (line.product_id, line.division_id)
        before = sums[key].quantity if key in sums else 0
        check_quantity(before + line.quantity, line.field)
        sums[key] = Line(*key, before + line.quantity, line.field)
    return sums


def _products_text(lines: Iterable[Line]) -> str:
    # A product for several divisions is one item; the database would find that out at the price of a row each.
    product_ids = dict.fromkeys(line.product_id for line in lines)
    return orjson.dumps(
        [{"position": place, "product_id": each} for place, each in enumerate(product_ids)]
    ).decode()


def _lines_text(lines: Iterable[Line]) -> str:
    values = [
        {
            "position": place,
            "product_id": line.product_id,
            "division_id": line.division_id,
            "quantity": line.quantity,
        }
        for place, line in enumerate(lines)
    ]
    return orjson.dumps(values).decode()


async def add_lines(basket_id: int, lines: Mapping[tuple[int, int], Line]) -> set[int]:
    """Adds `merged` lines to a locked basket and returns the ids of the products that it did not hold before.

    Raises INVALID_QUANTITY, BASKET_LIMIT_EXCEEDED or CURRENCY_MISMATCH when the basket breaks a rule by them.
    """
    added, new_products = list(lines.values()), set[int]()
    for first in range(0, len(added), LINES_AT_ONCE):
        part = added[first : first + LINES_AT_ONCE]
        new_products |= {
            row[0] for row in await _ADD_ITEMS.rows(basket_id, _products_text(part))
        }
        await _ADD_QUANTITIES.rows(basket_id, _lines_text(part))
    sums = await _sums_of(basket_id)
    if sums.highest_quantity > MAXIMUM_QUANTITY:
        await _check_quantities(basket_id, lines)
    _check_sums(sums)
    if sums.is_mixed:
        await check_currency(basket_id, {line.product_id: line.field for line in added})
    return new_products


async def _check_quantities(basket_id: int, lines: Mapping[tuple[int, int], Line]) -> None:
    row = await _TOO_MANY.row(basket_id)
    if row is not None:
        check_quantity(row[2], lines[row[0], row[1]].field)


def check_quantity(quantity: int, field: tuple[str, ...] = (), *, least: int = 1) -> None:
    """Raises INVALID_QUANTITY when a quantity is outside its limits."""
    if not least <= quantity <= MAXIMUM_QUANTITY:
        message = f"Quantity {quantity} is not between {least} and {MAXIMUM_QUANTITY}."
        raise Rejection(RejectionCode.INVALID_QUANTITY, message, *field, "quantity")


class HeldItem(NamedTuple):
    """An item of a basket: its id, its product's SKU, and whether Commerce still sells that."""

    id: int
    sku: str
    is_available: bool


async def item_with(basket_id: int, remote_id: int) -> HeldItem | None:
    """Returns the item that holds a product, if there is one."""
    row = await _ITEM.row(basket_id, remote_id)
    return HeldItem(row[0], row[1], bool(row[2])) if row else None


async def set_quantity(item_id: int, division_id: int, quantity: int) -> list[int] | None:
    """Sets the quantity of an item for a division, 0 to remove it, and returns the ids of removed items.

    The item is removed with its last division. None says that there was nothing to remove.
    """
    if quantity > 0:
        await _SET_QUANTITY.rows(item_id, division_id, quantity)
        return []
    if not await _REMOVE_QUANTITY.rows(item_id, division_id):
        return None
    return [int(row[0]) for row in await _REMOVE_IF_BARE.rows(item_id)]


async def remove_item(item_id: int) -> None:
    """Takes an item away, for all divisions."""
    await _REMOVE_ITEM.rows(item_id)


async def remove_all(basket_id: int) -> list[int]:
    """Takes every item away and returns their ids, in the order first added."""
    return sorted(int(row[0]) for row in await _REMOVE_ALL.rows(basket_id))


async def check_limits(basket_id: int) -> None:
    """Raises BASKET_LIMIT_EXCEEDED when a basket holds more than it may."""
    _check_sums(await _sums_of(basket_id))


async def _sums_of(basket_id: int) -> _Sums:
    (row,) = await _SUMS.rows(basket_id)
    return _Sums(row[0], row[1], row[2], bool(row[3]))


def _check_sums(sums: _Sums) -> None:
    if sums.item_count > MAXIMUM_ITEMS:
        message = f"The basket would hold {sums.item_count} different products; it may hold {MAXIMUM_ITEMS}."
        raise Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, message, "items")
    if sums.total_quantity > MAXIMUM_TOTAL_QUANTITY:
        message = f"The basket would hold {sums.total_quantity} pieces; it may hold {MAXIMUM_TOTAL_QUANTITY}."
        raise Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, message, "items")


async def check_currency(basket_id: int, fields: Mapping[int, tuple[str, ...]]) -> None:
    """Raises CURRENCY_MISMATCH, one rejection a product, when not all items share the currency of the first one.

    `fields` says where in the input a product was asked for, by the id of its row.
    """
    rejections = [
        Rejection(
            RejectionCode.CURRENCY_MISMATCH,
            f"Product {row[1]} is priced in {row[2]}, the basket in {row[3]}; all items share one currency.",
            *fields.get(row[0], ()),
        )
        for row in await _FOREIGN.rows(basket_id)
    ]
    if rejections:
        raise Rejected(rejections)
