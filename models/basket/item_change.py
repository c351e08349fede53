"""The fast path of changing one item of the active basket, in one round trip on PostgreSQL.

Where a rule stands against it, nothing is changed, and the slow path (`change`) says which.
"""

from dataclasses import dataclass
from typing import NamedTuple

from models.basket.add import KEY_IS_KNOWN, function_transaction, rows_of_function
from models.basket.catalogue import Catalogue
from models.basket.read import Wants
from models.basket.rows import BasketRows
from models.database.integers import LARGEST_INT
from models.database.statements import is_sqlite, load_statements
from models.history.tables import ChangeOrigin
from models.idempotency import KEPT, Key, KnownKey
from models.timestamps import now
from models.user import Buyer

_CHANGE_ITEM = load_statements(__file__)["change_item"]


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A new quantity of a product for a division; without a division the product is removed."""

    buyer: Buyer
    origin: ChangeOrigin
    segment: int
    remote_id: int
    division_id: int | None
    quantity: int
    expected_version: int | None
    key: Key | None


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
    key, changed_at = change.key, now()
    row = await _CHANGE_ITEM.one(
        buyer_id=change.buyer.id,
        buyer_division_id=change.buyer.division.id,
        segment=change.segment,
        expected_version=change.expected_version,
        origin=change.origin,
        key=key and key.text,
        digest=key and key.digest,
        expired_before=changed_at - KEPT,
        changed_at=changed_at,
        remote_id=change.remote_id,
        division_id=change.division_id,
        quantity=change.quantity,
        full=wants.only_items,
    )
    if row["broken_rule"] == KEY_IS_KNOWN:
        return KnownKey(row["known_digest"], row["known_outcome"])
    if row["broken_rule"]:
        return None
    baskets = await rows_of_function(catalogue, row, change.buyer.id, wants)
    return ChangedItem(baskets, row["removed_item_id"])
