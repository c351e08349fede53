"""The status of a basket: saved, loaded, deleted, submitted.

Run inside a unit of work; the basket's row is locked first.
"""

from typing import NamedTuple

from tortoise.expressions import F

from models.basket.lock import claim_active, lock_active, lock_own
from models.basket.tables import Basket, BasketItem, BasketStatus
from models.rejections import Rejection, RejectionCode
from models.timestamps import now


class Loaded(NamedTuple):
    """The ids of a draft that became active and of the basket that it displaced, if there was one.

    The displaced basket is a draft now, or was empty and is deleted.
    """

    basket_id: int
    displaced_id: int | None
    deleted_id: int | None


async def save_active(
    user_id: int, segment: int, name: str | None, expected_version: int | None
) -> int:
    """Makes the active basket a draft and returns its id; raises BASKET_NOT_FOUND."""
    basket_id = await lock_active(user_id, segment, expected_version)
    # The lock has just written `updated_at`, so both timestamps are the same.
    await Basket.filter(id=basket_id).update(
        status=BasketStatus.DRAFT, name=name, saved_at=F("updated_at")
    )
    return basket_id


async def submit_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Makes the active basket a submitted one and returns its id; raises BASKET_NOT_FOUND."""
    basket_id = await lock_active(user_id, segment, expected_version)
    await Basket.filter(id=basket_id).update(status=BasketStatus.SUBMITTED, saved_at=None)
    return basket_id


async def load_draft(user_id: int, basket_id: int | None) -> Loaded:
    """Makes a draft the active basket of its segment and returns which baskets that changed.

    The basket that was active there becomes an unnamed draft, or vanishes when it is empty. It is
    claimed, or made, as additions claim it: an addition that comes meanwhile waits for it and then
    finds the loaded one.
    """
    draft = await _lock_draft(user_id, basket_id, "loaded")
    claimed, loaded_at = await claim_active(user_id, draft.segment), now()
    is_deleted = await _delete_if_empty(claimed.id)
    # The claimed basket first, because the unique index allows one active basket at any moment,
    # also inside a transaction. Of a basket that was just deleted this updates no row.
    await Basket.filter(id=claimed.id).update(
        status=BasketStatus.DRAFT, name=None, saved_at=loaded_at, version=F("version") + 1
    )
    await Basket.filter(id=draft.id).update(
        status=BasketStatus.ACTIVE,
        saved_at=None,
        version=F("version") + 1,
        updated_at=loaded_at,
    )
    return Loaded(
        basket_id=draft.id,
        displaced_id=None if is_deleted else claimed.id,
        # A basket that this load itself made was never seen by anyone.
        deleted_id=claimed.id if is_deleted and not claimed.is_new else None,
    )


async def delete_draft(user_id: int, basket_id: int | None) -> int:
    """Deletes a draft with all its items and returns its id."""
    draft = await _lock_draft(user_id, basket_id, "deleted")
    await Basket.filter(id=draft.id).delete()
    return int(draft.id)


async def _lock_draft(user_id: int, basket_id: int | None, verb: str) -> Basket:
    basket = await lock_own(user_id, basket_id)
    if basket.status is not BasketStatus.DRAFT:
        message = f"The basket is {basket.status.lower()}; only a draft can be {verb}."
        raise Rejection(RejectionCode.BASKET_NOT_DRAFT, message, "basketId")
    return basket


async def _delete_if_empty(basket_id: int) -> bool:
    """Deletes a locked basket that has no items; returns whether it had none."""
    if await BasketItem.filter(basket_id=basket_id).exists():
        return False
    await Basket.filter(id=basket_id).delete()
    return True
