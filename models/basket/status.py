"""What becomes of a basket: saved, loaded, deleted, submitted. Run inside a unit of work; the row is locked first."""

from typing import NamedTuple

from models.basket.change import lock_active
from models.basket.tables import BasketStatus
from models.database.statement import Row, Statement, now
from models.rejections import Rejection, RejectionCode

_SAVE = Statement(
    "UPDATE basket SET status = 'DRAFT', name = $2, saved_at = updated_at WHERE id = $1"
)
_SUBMIT = Statement("UPDATE basket SET status = 'SUBMITTED', saved_at = NULL WHERE id = $1")
_LOCK_OWN = Statement(
    "SELECT id, version, status, segment FROM basket WHERE user_id = $1 AND id = $2 FOR UPDATE"
)
_CLAIM_ACTIVE = Statement(
    "INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) "
    "VALUES ($1, $2, 'ACTIVE', 1, $3, $3) "
    "ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE' DO UPDATE SET updated_at = excluded.updated_at "
    # Only a basket that this statement made was written once.
    "RETURNING id, created_at = updated_at"
)
_DELETE_IF_EMPTY = Statement(
    "DELETE FROM basket WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM basket_item WHERE basket_id = $1) RETURNING id"
)
_DISPLACE = Statement(
    "UPDATE basket SET status = 'DRAFT', name = NULL, saved_at = $2, version = version + 1 WHERE id = $1"
)
_ACTIVATE = Statement(
    "UPDATE basket SET status = 'ACTIVE', saved_at = NULL, version = version + 1, updated_at = $2 WHERE id = $1"
)
_DELETE = Statement("DELETE FROM basket WHERE id = $1")


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
    """Makes the active basket a draft, with a name or without, and returns its id; raises BASKET_NOT_FOUND."""
    basket_id = await lock_active(user_id, segment, expected_version)
    await _SAVE.rows(basket_id, name)
    return basket_id


async def submit_active(user_id: int, segment: int, expected_version: int | None) -> int:
    """Makes the active basket a submitted one and returns its id; raises BASKET_NOT_FOUND when there is none."""
    basket_id = await lock_active(user_id, segment, expected_version)
    await _SUBMIT.rows(basket_id)
    return basket_id


async def _locked_draft(user_id: int, basket_id: int | None, verb: str) -> Row:
    row = await _LOCK_OWN.row(user_id, basket_id) if basket_id is not None else None
    if row is None:
        raise Rejection(
            RejectionCode.BASKET_NOT_FOUND, "You have no basket with this id.", "basketId"
        )
    if row[2] != BasketStatus.DRAFT:
        message = f"The basket is {row[2].lower()}; only a draft can be {verb}."
        raise Rejection(RejectionCode.BASKET_NOT_DRAFT, message, "basketId")
    return row


async def load_draft(user_id: int, basket_id: int | None) -> Loaded:
    """Makes a draft the active basket of its segment and returns which baskets that changed.

    The basket that was active there becomes an unnamed draft, or vanishes when it is empty. It is claimed, or made, by
    the same statement that additions use: an addition that comes meanwhile waits for it and then finds the loaded one.
    """
    row = await _locked_draft(user_id, basket_id, "loaded")
    moment = now()
    claimed = await _CLAIM_ACTIVE.row(user_id, row[3], moment)
    if claimed is None:
        raise RuntimeError("The claim of an active basket returned no row.")
    claimed_id, is_new = int(claimed[0]), bool(claimed[1])
    is_deleted = await _DELETE_IF_EMPTY.row(claimed_id) is not None
    await _DISPLACE.rows(claimed_id, moment)
    await _ACTIVATE.rows(row[0], moment)
    return Loaded(
        basket_id=int(row[0]),
        displaced_id=None if is_deleted else claimed_id,
        deleted_id=claimed_id if is_deleted and not is_new else None,
    )


async def delete_draft(user_id: int, basket_id: int | None) -> int:
    """Deletes a draft with all its items and returns its id."""
    row = await _locked_draft(user_id, basket_id, "deleted")
    await _DELETE.rows(row[0])
    return int(row[0])
