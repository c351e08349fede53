"""Idempotency keys: the first answer to each, kept for a day."""

from datetime import timedelta

from tortoise import fields
from tortoise.models import Model

from models.database.statement import Statement, now
from models.rejections import Rejection, RejectionCode
from models.user import User

KEPT = timedelta(hours=24)
"""How long a key is remembered."""


class IdempotencyKey(Model):
    """A key of a user, the digest of the input it came with, and the first answer as JSON text."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="idempotency_keys"
    )
    key = fields.CharField(max_length=255)
    digest = fields.CharField(max_length=64)
    answer = fields.TextField(null=True)
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("user", "key"),)


_FORGET = Statement("DELETE FROM idempotency_key WHERE created_at < $1")
_FIND = Statement(
    "SELECT digest, answer FROM idempotency_key WHERE user_id = $1 AND key = $2 AND created_at >= $3"
)
_CLAIM = Statement(
    "INSERT INTO idempotency_key (user_id, key, digest, created_at) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (user_id, key) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at "
    "WHERE idempotency_key.created_at < $5 RETURNING id"
)
_ANSWER = Statement(
    "UPDATE idempotency_key SET answer = $3 WHERE user_id = $1 AND key = $2"
)


async def first_answer(user_id: int, key: str, digest: str) -> str | None:
    """Returns the first answer to a key, None when it is new; raises IDEMPOTENCY_KEY_REUSED for another input."""
    row = await _FIND.row(user_id, key, now() - KEPT)
    if row is None:
        return None
    if row[0] != digest:
        raise Rejection(
            RejectionCode.IDEMPOTENCY_KEY_REUSED,
            f"The key {key!r} was used before with another input.",
            "idempotencyKey",
        )
    return str(row[1])


async def claim_key(user_id: int, key: str, digest: str) -> str | None:
    """Takes a key for this transaction, or returns the first answer to it.

    A second request with the same key waits here until the first is committed, and then finds its answer; when the
    first was rolled back, the second takes its place. Raises IDEMPOTENCY_KEY_REUSED when the input was another.
    """
    moment = now()
    if await _CLAIM.row(user_id, key, digest, moment, moment - KEPT):
        return None
    return await first_answer(user_id, key, digest)


async def keep_answer(user_id: int, key: str, answer: str) -> None:
    """Writes the answer to a key that this transaction has claimed."""
    await _ANSWER.rows(user_id, key, answer)


async def forget_old_keys() -> None:
    """Deletes the keys that are no longer kept."""
    await _FORGET.rows(now() - KEPT)
