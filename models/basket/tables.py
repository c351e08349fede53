"""Baskets: their rows and the limits they keep."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.division import Division
from models.product.tables import NO_SEGMENT, Product
from models.user import User

MAXIMUM_QUANTITY = 1_000_000
"""The highest quantity of one product for one division."""
MAXIMUM_ITEMS = 10_000
"""The highest number of different products in a basket."""
MAXIMUM_TOTAL_QUANTITY = 2_147_483_647
"""The highest sum of all quantities of a basket: what a GraphQL Int can say."""


class BasketStatus(StrEnum):
    """What can be done with a basket."""

    ACTIVE = "ACTIVE"
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"


class Basket(Model):
    """A basket's row.

    One active basket a user and segment: the partial unique index `basket_active`, made in the first migration because
    Tortoise has no word for it on SQLite, holds that.
    """

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="baskets"
    )
    segment = fields.IntField(default=NO_SEGMENT)
    status = fields.CharEnumField(BasketStatus, max_length=9, default=BasketStatus.ACTIVE)
    name = fields.CharField(max_length=255, null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    saved_at = fields.DatetimeField(null=True)

    class Meta:
        table = "basket"
        indexes = (("user_id", "status", "saved_at"),)


class BasketItem(Model):
    """One product of a basket, with its unit price in hundredths when it was added or last refreshed."""

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


class BasketItemDivision(Model):
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
