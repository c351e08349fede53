"""The fast path of adding to the active basket: all lines, with every rule kept, or nothing.

Almost every addition is of products that are known, for divisions that the buyer may buy for,
within all limits. On PostgreSQL one function makes or locks the basket, adds, checks every rule and
reads the basket, in one round trip and a transaction of its own: one of three functions, by the
number of lines. On SQLite the same steps are statements of one transaction. Where a rule stands
against it, nothing is changed, and the slow path (`lines`) begins afresh: it asks Commerce, or says
what is rejected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.transactions import in_transaction

from models.basket.catalogue import Catalogue
from models.basket.contents_cache import KnownContents
from models.basket.function import (
    ActiveBasketChange,
    call_function,
    function_transaction,
    read_contents,
    read_result,
)
from models.basket.lines import add_lines, merge_lines
from models.basket.lock import open_active
from models.basket.read import OWN, Wants
from models.basket.rows import BasketRows
from models.basket.rules import Line
from models.database.integers import LARGEST_INT
from models.database.statements import Row, Statement, is_sqlite, load_statements
from models.history.record import Author, record_change
from models.history.tables import ChangeKind
from models.idempotency import KnownKey
from models.rejections import Rejected

_STATEMENTS = load_statements(__file__)
_ADD_LINE = _STATEMENTS["add_line"]
_ADD_FEW = _STATEMENTS["add_few"]
_ADD_MANY = _STATEMENTS["add_many"]
_FIND_LINE = _STATEMENTS["find_line"]

FEW_LINES = 2
"""From how many lines on they are lists, through which the function goes one after the other."""
MANY_LINES = 15
"""From how many lines on statements over all of them take less time than one after the other."""
MAXIMUM_STEPS = 250
"""The highest number of lines that SQLite adds here: of more, the slow path takes less time."""


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A quantity of a product for a division.

    The product is named by remote id or SKU, the division by id or ERP code; the other is None.
    """

    remote_id: int | None
    sku: str | None
    division_id: int | None
    erp_code: str | None
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition(ActiveBasketChange):
    """Lines to add to a buyer's active basket of a segment.

    Products that the basket does not hold, and SKUs, must have been confirmed by Commerce since
    `confirmed_since`.
    """

    lines: Sequence[RequestedLine]
    confirmed_since: datetime


async def add_known_lines(
    catalogue: Catalogue, addition: Addition, wants: Wants
) -> BasketRows | KnownKey | None:
    """Adds lines and returns the basket; None, with nothing changed, when a rule is broken.

    A key that was used before comes back with its outcome. On SQLite, where a second statement
    costs little, an addition with a key is for the slow path.
    """
    # asyncpg rejects numbers beyond the column's type; the slow path finds no such division.
    if any((line.division_id or 0) > LARGEST_INT for line in addition.lines):
        return None
    if is_sqlite():
        if addition.key or len(addition.lines) > MAXIMUM_STEPS:
            return None
        return await _add_in_steps(catalogue, addition, wants)
    async with function_transaction(wants):
        return await _add_by_function(catalogue, addition, wants)


async def _add_by_function(
    catalogue: Catalogue, addition: Addition, wants: Wants
) -> BasketRows | KnownKey | None:
    if len(addition.lines) < MANY_LINES:
        return await _add_few(catalogue, addition, wants)
    row = await _call(_ADD_MANY, addition, wants, **_columns(addition.lines))
    if row is None or isinstance(row, KnownKey):
        return row
    return await read_result(catalogue, row, addition, wants)


async def _add_few(
    catalogue: Catalogue, addition: Addition, wants: Wants
) -> BasketRows | KnownKey | None:
    is_of_contents = wants.has_known_items or wants.is_summary
    known = catalogue.contents.find(addition.contents_key) if is_of_contents else None
    row = await _call_few(addition, wants, known)
    if row is None or isinstance(row, KnownKey):
        return row
    if is_of_contents:
        return await read_contents(catalogue, row, addition, wants, known)
    return await read_result(catalogue, row, addition, wants)


async def _call_few(
    addition: Addition, wants: Wants, known: KnownContents | None
) -> Row | KnownKey | None:
    basket_id, version, updated_at = known.contents.state if known else (None, None, None)
    values = {
        "with_refreshed_at": wants.refreshed_at,
        "known_basket": basket_id,
        "known_version": version,
        "known_updated_at": updated_at,
    }
    lines = addition.lines
    if len(lines) >= FEW_LINES:
        return await _call(_ADD_FEW, addition, wants, **_columns(lines), **values)
    return await _call(
        _ADD_LINE,
        addition,
        wants,
        remote_id=lines[0].remote_id,
        sku=lines[0].sku,
        division_id=lines[0].division_id,
        erp_code=lines[0].erp_code,
        quantity=lines[0].quantity,
        **values,
    )


def _columns(lines: Sequence[RequestedLine]) -> dict[str, Any]:
    """Returns the lines as a list per column."""
    return {
        "remote_ids": [line.remote_id for line in lines],
        "skus": [line.sku for line in lines],
        "division_ids": [line.division_id for line in lines],
        "erp_codes": [line.erp_code for line in lines],
        "quantities": [line.quantity for line in lines],
    }


async def _call(
    statement: Statement, addition: Addition, wants: Wants, **values: object
) -> Row | KnownKey | None:
    return await call_function(
        statement, addition, wants, confirmed_since=addition.confirmed_since, **values
    )


async def _add_in_steps(
    catalogue: Catalogue, addition: Addition, wants: Wants
) -> BasketRows | None:
    buyer_id = addition.buyer.id
    try:
        async with in_transaction():
            basket = await open_active(
                buyer_id, addition.segment, addition.expected_version
            )
            lines = [await _find_line(basket.id, addition, line) for line in addition.lines]
            added = await add_lines(basket, merge_lines(lines))
            author = Author(buyer_id, addition.origin)
            await record_change(basket, ChangeKind.ITEMS_ADDED, author, added.changed)
            return await OWN.read(catalogue, wants, user_id=buyer_id, basket_id=basket.id)
    # Caught outside the transaction, which the exception has rolled back on its way.
    except (LineUnknown, Rejected):
        return None


class LineUnknown(Exception):
    """Raised when a line names no product that is known, or a division that is not allowed."""


async def _find_line(basket_id: int, addition: Addition, line: RequestedLine) -> Line:
    rows = await _FIND_LINE.rows(
        basket_id=basket_id,
        segment=addition.segment,
        remote_id=line.remote_id,
        sku=line.sku,
        confirmed_since=addition.confirmed_since,
        division_id=line.division_id,
        erp_code=line.erp_code,
        buyer_division_id=addition.buyer.division.id,
    )
    # While a SKU moves to another product, two rows have it.
    if len(rows) != 1:
        raise LineUnknown
    return Line(rows[0]["product_id"], rows[0]["division_id"], line.quantity)
