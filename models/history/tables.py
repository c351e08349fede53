"""The table of changes, one row per version of a basket."""

from enum import StrEnum

from tortoise import fields

from models.basket.tables import Basket
from models.database.table import Table


class ChangeKind(StrEnum):
    """The kinds of changes; most are named after the mutation that makes them."""

    ITEMS_ADDED = "ITEMS_ADDED"
    ITEMS_SET = "ITEMS_SET"
    ITEM_UPDATED = "ITEM_UPDATED"
    ITEM_REMOVED = "ITEM_REMOVED"
    CLEARED = "CLEARED"
    IMPORTED = "IMPORTED"
    COPIED = "COPIED"
    REVERTED = "REVERTED"
    REFRESHED = "REFRESHED"
    SAVED = "SAVED"
    RENAMED = "RENAMED"
    LOADED = "LOADED"
    SUBMITTED = "SUBMITTED"


class ChangeOrigin(StrEnum):
    """The interface through which a change came."""

    GRAPHQL = "GRAPHQL"
    REST = "REST"
    COMMAND_LINE = "COMMAND_LINE"


class BasketChange(Table):
    """A version of a basket: who made it, when, how, the basket's totals then, and the lines.

    The lines are JSON with a format number, as `models/history/lines.py` writes and reads it; null
    when there are none. Of the user there is the number only: the change outlives them. Until
    `retained_until` it is not one too many, because a retry reads its lines.
    """

    id = fields.BigIntField(primary_key=True)
    basket: fields.ForeignKeyRelation[Basket] = fields.ForeignKeyField(
        "models.Basket", related_name="changes"
    )
    version = fields.IntField()
    kind = fields.CharEnumField(ChangeKind, max_length=12)
    origin = fields.CharEnumField(ChangeOrigin, max_length=12)
    user_id = fields.IntField(null=True)
    created_at = fields.DatetimeField()
    currency = fields.CharField(max_length=16, null=True)
    total_amount = fields.BigIntField()
    total_quantity = fields.BigIntField()
    line_count = fields.IntField()
    lines = fields.TextField(null=True)
    retained_until = fields.DatetimeField(null=True)

    class Meta:
        table = "basket_change"
        unique_together = (("basket", "version"),)
