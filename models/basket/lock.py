"""Locking a basket: the first step of every change, so that two changes of one basket never mix."""

from typing import NamedTuple, Self

from tortoise.queryset import QuerySet

from models.basket.tables import Basket, BasketStatus
from models.database.statements import load_statements
from models.rejections import Rejection, RejectionCode, newer_rejection
from models.timestamps import now

_OPEN_ACTIVE = load_statements(__file__)["open_active"]


class LockedBasket(NamedTuple):
    """A basket that is locked, as it was before the change; version 0 is of a new one."""

    id: int
    segment: int
    version: int
    item_count: int
    total_quantity: int
    total_amount: int
    currency: str | None

    @classmethod
    def from_model(cls, basket: Basket) -> Self:
        """Returns a basket that was read with a lock."""
        return cls(*(getattr(basket, name) for name in cls._fields))


async def open_active(
    user_id: int, segment: int, expected_version: int | None
) -> LockedBasket:
    """Locks the active basket, making it where there is none; raises VERSION_CONFLICT."""
    basket = await _open(user_id, segment)
    _check_version(expected_version, basket.version)
    return basket


async def lock_active(
    user_id: int, segment: int, expected_version: int | None
) -> LockedBasket:
    """Locks the active basket; raises BASKET_NOT_FOUND or VERSION_CONFLICT.

    It makes the basket where there is none, and the rejection undoes that.
    """
    basket = await _open(user_id, segment)
    if basket.version == 0:
        raise _no_active_basket(segment)
    _check_version(expected_version, basket.version)
    return basket


async def peek_active(
    user_id: int, segment: int, expected_version: int | None
) -> LockedBasket:
    """Reads the active basket without a lock, at version 0 where there is none.

    Raises VERSION_CONFLICT.
    """
    found = await _find_active(user_id, segment)
    none = LockedBasket(0, segment, 0, 0, 0, 0, None)
    basket = LockedBasket.from_model(found) if found else none
    _check_version(expected_version, basket.version)
    return basket


async def discard_new(basket: LockedBasket) -> None:
    """Deletes a basket that was made for its lock, if it was."""
    # Another change that waits for it finds none, and makes its own.
    if basket.version == 0:
        await Basket.filter(id=basket.id).delete()


async def find_active(user_id: int, segment: int, expected_version: int | None) -> Basket:
    """Reads the active basket without a lock; raises BASKET_NOT_FOUND or VERSION_CONFLICT."""
    basket = await _find_active(user_id, segment)
    if basket is None:
        raise _no_active_basket(segment)
    _check_version(expected_version, basket.version)
    return basket


async def _find_active(user_id: int, segment: int) -> Basket | None:
    return await Basket.get_or_none(
        user_id=user_id, segment=segment, status=BasketStatus.ACTIVE
    )


async def _open(user_id: int, segment: int) -> LockedBasket:
    row = await _OPEN_ACTIVE.one(user_id=user_id, segment=segment, changed_at=now())
    return LockedBasket(*(row[name] for name in LockedBasket._fields))


async def lock_own(user_id: int, basket_id: int | None) -> Basket:
    """Locks one of the user's baskets, in any status, and returns it; raises BASKET_NOT_FOUND."""
    return await _find_own(Basket.select_for_update(), user_id, basket_id)


async def find_own(user_id: int, basket_id: int | None) -> Basket:
    """Reads one of the user's baskets without a lock; raises BASKET_NOT_FOUND."""
    return await _find_own(Basket.all(), user_id, basket_id)


async def _find_own(
    baskets: QuerySet[Basket], user_id: int, basket_id: int | None
) -> Basket:
    basket = None
    if basket_id is not None:
        try:
            basket = await baskets.get_or_none(user_id=user_id, id=basket_id)
        # Tortoise looks members of enums up by their values.
        except ValueError as error:
            raise newer_rejection("basket", error, "basketId") from error
    if basket is None:
        raise Rejection(
            RejectionCode.BASKET_NOT_FOUND, "You have no basket with this id.", "basketId"
        )
    return basket


def _check_version(expected: int | None, version: int) -> None:
    """Raises VERSION_CONFLICT unless the version, 0 for no basket, is the expected one."""
    if expected is not None and expected != version:
        raise Rejection(
            RejectionCode.VERSION_CONFLICT,
            f"The basket is at version {version}, not at the expected version {expected}; "
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
