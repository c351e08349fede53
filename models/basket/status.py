"""The status of a basket: saved, loaded, renamed, deleted, submitted.

Run inside a unit of work; the basket's row is locked first.
"""

from typing import NamedTuple

from tortoise.expressions import F

from models.basket.lock import LockedBasket, lock_active, lock_own, open_active
from models.basket.tables import Basket, BasketStatus
from models.history.record import Author, record_change, without_lines
from models.history.tables import ChangeKind
from models.rejections import Rejection, RejectionCode


class Loaded(NamedTuple):
    """The ids of a draft that became active and of the basket that it displaced, if there was one.

    The displaced basket is a draft now, or was empty and is deleted.
    """

    basket_id: int
    displaced_id: int | None
    deleted_id: int | None


async def save_active(
    author: Author,
    user_id: int,
    segment: int,
    name: str | None,
    expected_version: int | None,
) -> int:
    """Makes the active basket a draft and returns its id; raises BASKET_NOT_FOUND."""
    basket = await lock_active(user_id, segment, expected_version)
    await _make_draft(basket, author, name)
    return basket.id


async def submit_active(
    author: Author, user_id: int, segment: int, expected_version: int | None
) -> int:
    """Makes the active basket a submitted one and returns its id; raises BASKET_NOT_FOUND."""
    basket = await lock_active(user_id, segment, expected_version)
    await Basket.filter(id=basket.id).update(status=BasketStatus.SUBMITTED, saved_at=None)
    await record_change(basket, ChangeKind.SUBMITTED, author, without_lines(basket))
    return basket.id


async def load_draft(author: Author, user_id: int, basket_id: int | None) -> Loaded:
    """Makes a draft the active basket of its segment and returns which baskets that changed.

    The basket that was active there becomes an unnamed draft, or vanishes when it is empty. It is
    locked, or made, as additions lock it: an addition that comes meanwhile waits for it and then
    finds the loaded one.
    """
    draft = LockedBasket.from_model(await _lock_draft(user_id, basket_id, "loaded"))
    active = await open_active(user_id, draft.segment, None)
    # The active basket first, because the unique index allows one of them at a time, also inside
    # a transaction.
    if is_deleted := active.item_count == 0:
        await Basket.filter(id=active.id).delete()
    else:
        await _make_draft(active, author, None)
    await Basket.filter(id=draft.id).update(status=BasketStatus.ACTIVE, saved_at=None)
    await record_change(draft, ChangeKind.LOADED, author, without_lines(draft))
    return Loaded(
        basket_id=draft.id,
        displaced_id=None if is_deleted else active.id,
        # A basket that this load itself made was never seen by anyone.
        deleted_id=active.id if is_deleted and active.version else None,
    )


async def rename_draft(
    author: Author, user_id: int, basket_id: int | None, name: str
) -> int:
    """Gives a draft another name and returns its id; the same name changes nothing."""
    draft = await _lock_draft(user_id, basket_id, "renamed")
    if draft.name != name:
        await Basket.filter(id=draft.id).update(name=name)
        locked = LockedBasket.from_model(draft)
        await record_change(locked, ChangeKind.RENAMED, author, without_lines(locked))
    return int(draft.id)


async def delete_draft(user_id: int, basket_id: int | None) -> int:
    """Deletes a draft with all its items and its history, and returns its id."""
    draft = await _lock_draft(user_id, basket_id, "deleted")
    await Basket.filter(id=draft.id).delete()
    return int(draft.id)


async def _make_draft(basket: LockedBasket, author: Author, name: str | None) -> None:
    await record_change(basket, ChangeKind.SAVED, author, without_lines(basket))
    # The record has just written `updated_at`, so both timestamps are the same.
    await Basket.filter(id=basket.id).update(
        status=BasketStatus.DRAFT, name=name, saved_at=F("updated_at")
    )


async def _lock_draft(user_id: int, basket_id: int | None, verb: str) -> Basket:
    basket = await lock_own(user_id, basket_id)
    if basket.status is not BasketStatus.DRAFT:
        message = f"The basket is {basket.status.lower()}; only a draft can be {verb}."
        raise Rejection(RejectionCode.BASKET_NOT_DRAFT, message, "basketId")
    return basket
