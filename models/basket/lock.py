"""Locking a basket: the first step of every change, so that two changes of one basket never mix."""

from typing import NamedTuple

from models.basket.tables import Basket, BasketStatus
from models.database.statements import Row, load_statements
from models.rejections import Rejection, RejectionCode
from models.timestamps import now

_STATEMENTS = load_statements(__file__)
_OPEN_ACTIVE = _STATEMENTS["open_active"]
_CLAIM_ACTIVE = _STATEMENTS["claim_active"]


class ClaimedBasket(NamedTuple):
    """The id of an active basket that is locked, and whether the lock made it."""

    id: int
    is_new: bool


async def open_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Locks the active basket, making it where there is none, counts a version; returns its id."""
    row = await _OPEN_ACTIVE.one(user_id=user_id, segment=segment, changed_at=now())
    _check_version(expected_version, row)
    return int(row["id"])


async def lock_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Locks the active basket, counts a version, and returns its id; raises BASKET_NOT_FOUND.

    It makes the basket where there is none, and the rejection undoes that. A plain UPDATE would
    not do: on PostgreSQL it waits for a load in progress, sees that the basket it waited for is
    now a draft, and misses the one just loaded.
    """
    row = await _OPEN_ACTIVE.one(user_id=user_id, segment=segment, changed_at=now())
    # Only a basket that the statement has just made is at version 1: any other counted one more.
    if row["version"] == 1:
        raise _no_active_basket(segment)
    _check_version(expected_version, row)
    return int(row["id"])


async def claim_active(user_id: int, segment: int) -> ClaimedBasket:
    """Locks the active basket, making it where there is none, and counts no version."""
    row = await _CLAIM_ACTIVE.one(user_id=user_id, segment=segment, changed_at=now())
    return ClaimedBasket(int(row["id"]), bool(row["is_new"]))


async def lock_active_unchanged(user_id: int, segment: int) -> int:
    """Locks the active basket, counts no version, and returns its id; raises BASKET_NOT_FOUND."""
    basket = await Basket.select_for_update().get_or_none(
        user_id=user_id, segment=segment, status=BasketStatus.ACTIVE
    )
    if basket is None:
        raise _no_active_basket(segment)
    return int(basket.id)


async def lock_own(user_id: int, basket_id: int | None) -> Basket:
    """Locks one of the user's baskets, in any status, and returns it; raises BASKET_NOT_FOUND."""
    basket = None
    if basket_id is not None:
        baskets = Basket.select_for_update()
        basket = await baskets.get_or_none(user_id=user_id, id=basket_id)
    if basket is None:
        raise Rejection(
            RejectionCode.BASKET_NOT_FOUND, "You have no basket with this id.", "basketId"
        )
    return basket


def _check_version(expected: int | None, row: Row) -> None:
    """Raises VERSION_CONFLICT unless the version before this change, 0 for no basket, fits."""
    before = int(row["version"]) - 1
    if expected is not None and expected != before:
        raise Rejection(
            RejectionCode.VERSION_CONFLICT,
            f"The basket is at version {before}, not at the expected version {expected}; "
            "read it and try again.",
            "expectedVersion",
        )


def _no_active_basket(segment: int) -> Rejection:
    where = f"in segment {segment}" if segment else "without a segment"
    return Rejection(
        RejectionCode.BASKET_NOT_FOUND,
        f"You have no active basket {where}.",
        "segmentRemoteId",
    )
