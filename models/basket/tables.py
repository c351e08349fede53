"""Baskets: their rows and the limits they keep."""

from enum import StrEnum

from tortoise import fields

from models.database.columns import ColumnKind, Columns
from models.database.integers import LARGEST_INT
from models.database.table import Table
from models.division import Division
from models.product.tables import NO_SEGMENT, Product
from models.user import User
from text import MAXIMUM_LENGTH

MAXIMUM_QUANTITY = 1_000_000
"""The highest quantity of one product for one division."""
MAXIMUM_ITEMS = 10_000
"""The highest number of different products in a basket."""
MAXIMUM_TOTAL_QUANTITY = LARGEST_INT
"""The highest sum of all quantities of a basket: the largest GraphQL Int."""


class BasketStatus(StrEnum):
    """The state of a basket, which decides how it can be changed."""

    ACTIVE = "ACTIVE"
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"


class Basket(Table):
    """A basket's row.

    At most one active basket per user and segment: the partial unique index `basket_active`
    enforces it, which the first migration makes because Tortoise cannot declare it on SQLite.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="baskets"
    )
    segment = fields.IntField(default=NO_SEGMENT)
    status = fields.CharEnumField(BasketStatus, max_length=9, default=BasketStatus.ACTIVE)
    name = fields.CharField(max_length=MAXIMUM_LENGTH, null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    saved_at = fields.DatetimeField(null=True)
    # The sums of the items, kept by each change. A change checks the limits last, so that a sum
    # may exceed an int until its rejection.
    item_count = fields.IntField(db_default=0)
    total_quantity = fields.BigIntField(db_default=0)
    total_amount = fields.BigIntField(db_default=0)
    currency = fields.CharField(max_length=16, null=True)

    class Meta:
        table = "basket"
        # For the pages of drafts, which are ordered by the time they were saved.
        indexes = (("user_id", "status", "saved_at"),)


BASKET = Columns(Basket, total_amount=ColumnKind.MONEY)
"""The columns that are read of a basket; PostgreSQL gives whole rows."""


class BasketItem(Table):
    """One product of a basket, with its unit price in hundredths as of its last refresh."""

    id = fields.BigIntField(primary_key=True)
    basket: fields.ForeignKeyRelation[Basket] = fields.ForeignKeyField(
        "models.Basket", related_name="items"
    )
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "models.Product", related_name="items", on_delete=fields.RESTRICT
    )
    price = fields.BigIntField()
    currency = fields.CharField(max_length=16)

    class Meta:
        table = "basket_item"
        unique_together = (("basket", "product"),)


class BasketItemDivision(Table):
    """The quantity of an item for one division."""

    id = fields.BigIntField(primary_key=True)
    item: fields.ForeignKeyRelation[BasketItem] = fields.ForeignKeyField(
        "models.BasketItem", related_name="divisions"
    )
    division: fields.ForeignKeyRelation[Division] = fields.ForeignKeyField(
        "models.Division", related_name="items", on_delete=fields.RESTRICT
    )
    quantity = fields.IntField()

    class Meta:
        table = "basket_item_division"
        unique_together = (("item", "division"),)
