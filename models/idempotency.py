"""Idempotency keys: the outcome of each, kept for a day.

A key is locked before the basket: whoever holds it looks it up, makes the change and stores the
outcome, all in one transaction.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from tortoise import fields

from models.database.statements import Row, load_statements
from models.database.table import Table
from models.timestamps import now
from models.user import User
from text import MAXIMUM_LENGTH

KEPT = timedelta(hours=24)
"""How long a key is remembered."""


class IdempotencyKey(Table):
    """A key of a user, the digest of the input it came with, and the outcome as JSON text."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="idempotency_keys"
    )
    key = fields.CharField(max_length=MAXIMUM_LENGTH)
    digest = fields.CharField(max_length=64)
    outcome = fields.TextField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("user", "key"),)


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, and the digest of the mutation and the input that it comes with."""

    text: str
    digest: str


class KnownKey(NamedTuple):
    """A key that was used before: the digest of its input, and the outcome as it is stored."""

    digest: str
    outcome: str


_STATEMENTS = load_statements(__file__)
_FIND_KEY = _STATEMENTS["find_key"]
_LOCK_KEY = _STATEMENTS["lock_key"]
_STORE_OUTCOME = _STATEMENTS["store_outcome"]


async def find_key(user_id: int, key: str) -> KnownKey | None:
    """Returns the digest and the outcome of a key; None when it is new, or older than a day."""
    row: Row | None = await _FIND_KEY.row(user_id=user_id, key=key, since=now() - KEPT)
    return KnownKey(row["digest"], row["outcome"]) if row else None


async def lock_key(user_id: int, key: str) -> KnownKey | None:
    """Locks a key until the end of this transaction, and returns its digest and outcome.

    A second request with the same key waits here until the first is committed, and then finds its
    outcome; when the first was rolled back, the second takes its place.
    """
    await _LOCK_KEY.rows(user_id=user_id, key=key, expired_before=now() - KEPT)
    # A statement of its own: the snapshot of one that waited is older than the commits since.
    return await find_key(user_id, key)


async def store_outcome(user_id: int, key: Key, outcome: str) -> None:
    """Writes the outcome of a key that this transaction has locked and found to be new."""
    stored_at = now()
    await _STORE_OUTCOME.one(
        user_id=user_id,
        key=key.text,
        digest=key.digest,
        outcome=outcome,
        stored_at=stored_at,
        expired_before=stored_at - KEPT,
    )


async def delete_expired_keys() -> None:
    """Deletes the keys that are no longer kept."""
    await IdempotencyKey.filter(created_at__lt=now() - KEPT).delete()
