"""Calling the functions of PostgreSQL that change the active basket in one round trip.

Each is a transaction by itself, locks the idempotency key and the basket, keeps every rule or
changes nothing, and returns the basket.
"""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

import orjson
from tortoise.transactions import in_transaction

from models.basket.active import complete_known
from models.basket.catalogue import Catalogue
from models.basket.contents import Contents
from models.basket.contents_cache import ContentsKey, KnownContents
from models.basket.read import OWN, Wants
from models.basket.rows import BasketRows, BasketSummary
from models.database.statements import Row, Statement
from models.history.tables import ChangeOrigin
from models.idempotency import KEPT, Key, KnownKey
from models.timestamps import now
from models.user import Buyer

KEY_IS_KNOWN = "key"
"""Returned by a function in place of a broken rule for a key that was used before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveBasketChange:
    """A change of a buyer's active basket of a segment, by a function."""

    buyer: Buyer
    origin: ChangeOrigin
    segment: int
    expected_version: int | None
    key: Key | None = None

    @property
    def contents_key(self) -> ContentsKey:
        """The key of the basket's contents in the cache of this process."""
        return ContentsKey(self.buyer.id, self.segment)


def function_transaction(wants: Wants) -> AbstractAsyncContextManager[object]:
    """Returns the transaction in which a function changes a basket and the basket is read.

    A function is a transaction by itself. The changes since a version are read by a statement
    after it, and before anybody else changes the basket.
    """
    return nullcontext() if wants.since is None else in_transaction()


async def call_function(
    statement: Statement, change: ActiveBasketChange, wants: Wants, **values: object
) -> Row | KnownKey | None:
    """Runs the statement that calls a function; `values` are its parameters beside the common ones.

    Returns its row; None, with nothing changed, when a rule is broken; and the stored outcome of a
    key that was used before.
    """
    # One timestamp for the version, for the key, and for the expiry of others, on whichever server.
    key, changed_at = change.key, now()
    row = await statement.one(
        buyer_id=change.buyer.id,
        buyer_division_id=change.buyer.division.id,
        segment=change.segment,
        expected_version=change.expected_version,
        origin=change.origin,
        key=key and key.text,
        digest=key and key.digest,
        expired_before=changed_at - KEPT,
        changed_at=changed_at,
        full=wants.only_items,
        **values,
    )
    if row["broken_rule"] == KEY_IS_KNOWN:
        return KnownKey(row["known_digest"], row["known_outcome"])
    return None if row["broken_rule"] else row


async def read_result(
    catalogue: Catalogue, row: Row, change: ActiveBasketChange, wants: Wants
) -> BasketRows:
    """Returns the basket in the row of a function that changed it."""
    user_id = change.buyer.id
    if not wants.only_items:
        catalogue.contents.forget(user_id)
    if wants.is_summary:
        return BasketRows([BasketSummary.from_row(row)], full=False)
    basket_id = orjson.loads(row["basket"])["id"]
    if wants.since is not None:
        return await OWN.read(catalogue, wants, user_id=user_id, basket_id=basket_id)
    # The id serves a second reading, should a product change before it is read.
    read = await OWN.complete(catalogue, [row], user_id=user_id, basket_id=basket_id)
    for basket in read.full_baskets():
        if contents := basket.contents():
            known = catalogue.contents.store(change.contents_key, contents)
            # Texts with what no revision covers are not to be kept.
            basket.known = None if wants.refreshed_at else known
    return read


async def read_contents(
    catalogue: Catalogue,
    row: Row,
    change: ActiveBasketChange,
    wants: Wants,
    before: KnownContents | None,
) -> BasketRows:
    """Returns the basket of the row of a function: all contents, or what it changed of `before`."""
    columns = orjson.loads(row["basket"])
    if before is not None and row["is_difference"]:
        contents = before.contents.changed(columns, row)
    elif not wants.items:
        catalogue.contents.forget(change.buyer.id)
        return BasketRows([BasketSummary(columns)], full=False)
    else:
        contents = Contents.from_row(columns, row)
    known = catalogue.contents.store(change.contents_key, contents)
    if not wants.items:
        return BasketRows([BasketSummary(columns)], full=False)
    basket = await complete_known(
        catalogue, known, row["product_revisions"], row["division_revision"]
    )
    if basket is not None:
        return BasketRows([basket], full=True)
    return await OWN.read(
        catalogue, wants, user_id=change.buyer.id, basket_id=columns["id"]
    )
