"""The fast path of changing one item of the active basket, in one round trip on PostgreSQL.

Where a rule stands against it, nothing is changed, and the slow path (`change`) says which.
"""

from dataclasses import dataclass
from typing import NamedTuple

from models.basket.catalogue import Catalogue
from models.basket.function import (
    ActiveBasketChange,
    call_function,
    function_transaction,
    read_result,
)
from models.basket.read import Wants
from models.basket.rows import BasketRows
from models.database.integers import LARGEST_INT
from models.database.statements import is_sqlite, load_statements
from models.idempotency import KnownKey

_CHANGE_ITEM = load_statements(__file__)["change_item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange(ActiveBasketChange):
    """A new quantity of a product for a division; without a division the product is removed."""

    remote_id: int
    division_id: int | None
    quantity: int


class ChangedItem(NamedTuple):
    """The basket after the change, and the id of the item if it is no longer in it."""

    baskets: BasketRows
    removed_id: int | None


async def change_item(
    catalogue: Catalogue, change: ItemChange, wants: Wants
) -> ChangedItem | KnownKey | None:
    """Changes an item and returns the basket; None, with nothing changed, when a rule is broken.

    A key that was used before comes back with its outcome. On SQLite it is for the slow path.
    """
    if is_sqlite() or (change.division_id or 0) > LARGEST_INT:
        return None
    async with function_transaction(wants):
        return await _change_by_function(catalogue, change, wants)


async def _change_by_function(
    catalogue: Catalogue, change: ItemChange, wants: Wants
) -> ChangedItem | KnownKey | None:
    row = await call_function(
        _CHANGE_ITEM,
        change,
        wants,
        remote_id=change.remote_id,
        division_id=change.division_id,
        quantity=change.quantity,
    )
    if row is None or isinstance(row, KnownKey):
        return row
    baskets = await read_result(catalogue, row, change, wants)
    return ChangedItem(baskets, row["removed_item_id"])
