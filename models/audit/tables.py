"""The table of audited changes."""

from enum import StrEnum, auto

from tortoise import fields

from models.database.table import Table
from text import MAXIMUM_LENGTH


class AuditAction(StrEnum):
    """The kinds of audited changes: the noun, and its change."""

    @staticmethod
    def _generate_next_value_(
        name: str, start: int, count: int, last_values: list[str]
    ) -> str:
        return name

    DIVISION_ADDED = auto()
    DIVISION_CHANGED = auto()
    USER_ADDED = auto()
    USER_CHANGED = auto()
    USER_BOUND = auto()
    USER_UNBOUND = auto()
    USER_ERASED = auto()
    TOKEN_ISSUED = auto()
    TOKEN_REVOKED = auto()
    BASKET_REPAIRED = auto()
    DOCUMENTS_ADDED = auto()
    DOCUMENTS_REMOVED = auto()


class ActorKind(StrEnum):
    """Whose name an entry has."""

    OPERATING_SYSTEM = "OPERATING_SYSTEM"
    TOKEN = "TOKEN"  # noqa: S105


class AuditEntry(Table):
    """A change: who made it, when, of which user or division, and the values before and after.

    Of users and divisions there are the numbers only: an entry outlives them, and an erased
    person's name is in no other column than `details`, JSON with a format number, which
    `models/audit/record.py` writes. `actor` is the name of an operating system's user or of an
    issuer of tokens.
    """

    id = fields.BigIntField(primary_key=True)
    created_at = fields.DatetimeField(db_index=True)
    actor_kind = fields.CharField(max_length=16)
    actor = fields.CharField(max_length=MAXIMUM_LENGTH)
    actor_user_id = fields.IntField(null=True)
    # Texts and no enumeration of the database's: a later release may add actions.
    action = fields.CharField(max_length=32)
    user_id = fields.IntField(null=True, db_index=True)
    division_id = fields.IntField(null=True, db_index=True)
    details = fields.TextField()

    class Meta:
        table = "audit_entry"
