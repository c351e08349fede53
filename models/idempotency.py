"""Idempotency keys: the first answer to each, kept for a day."""

from datetime import timedelta

from tortoise import fields
from tortoise.models import Model

from models.database.statements import load_statements
from models.rejections import Rejection, RejectionCode
from models.timestamps import now
from models.user import User
from text import MAXIMUM_LENGTH

KEPT = timedelta(hours=24)
"""How long a key is remembered."""


class IdempotencyKey(Model):
    """A key of a user, the digest of the input it came with, and the first answer as JSON text."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="idempotency_keys"
    )
    key = fields.CharField(max_length=MAXIMUM_LENGTH)
    digest = fields.CharField(max_length=64)
    answer = fields.TextField(null=True)
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("user", "key"),)


_CLAIM_KEY = load_statements(__file__)["claim_key"]


async def find_answer(user_id: int, key: str, digest: str) -> str | None:
    """Returns the first answer to a key; None when the key is new.

    Raises IDEMPOTENCY_KEY_REUSED when the key came with another input.
    """
    keys = IdempotencyKey.filter(user_id=user_id, key=key, created_at__gte=now() - KEPT)
    row = await keys.first().values_list("digest", "answer")
    if row is None:
        return None
    if row[0] != digest:
        raise Rejection(
            RejectionCode.IDEMPOTENCY_KEY_REUSED,
            f"The key {key!r} was used before with another input.",
            "idempotencyKey",
        )
    # Never null here: a key and its answer are committed together.
    return str(row[1])


async def claim_key(user_id: int, key: str, digest: str) -> str | None:
    """Takes a key for this transaction, or returns the first answer to it.

    A second request with the same key waits here until the first is committed, and then finds its
    answer; when the first was rolled back, the second takes its place. Raises
    IDEMPOTENCY_KEY_REUSED when the input was another.
    """
    claimed_at = now()
    claimed = await _CLAIM_KEY.row(
        user_id=user_id,
        key=key,
        digest=digest,
        claimed_at=claimed_at,
        expired_before=claimed_at - KEPT,
    )
    # A new statement, because the one that waited does not see what was committed meanwhile.
    return None if claimed else await find_answer(user_id, key, digest)


async def store_answer(user_id: int, key: str, answer: str) -> None:
    """Writes the answer to a key that this transaction has claimed."""
    await IdempotencyKey.filter(user_id=user_id, key=key).update(answer=answer)


async def delete_expired_keys() -> None:
    """Deletes the keys that are no longer stored."""
    await IdempotencyKey.filter(created_at__lt=now() - KEPT).delete()
