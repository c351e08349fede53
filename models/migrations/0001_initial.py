from typing import ClassVar

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.basket.tables import BasketStatus
from models.division import DivisionType
from models.quotation import QuotationStatus


class Migration(migrations.Migration):
    """Makes the tables."""

    locks: ClassVar[dict[str, str]] = {}

    initial = True

    operations = [
        ops.CreateModel(
            name="Division",
            fields=[
                (
                    "id",
                    fields.IntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("name", fields.CharField(max_length=255)),
                ("erp_code", fields.CharField(unique=True, max_length=255)),
                (
                    "type",
                    fields.CharEnumField(
                        description="MAIN: MAIN\nSUB: SUB",
                        enum_type=DivisionType,
                        max_length=4,
                    ),
                ),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="parent_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="sub_divisions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "division",
                "app": "models",
                "indexes": [Index(fields=["parent_id"])],
                "pk_attr": "id",
                "table_description": "A division's row.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("remote_id", fields.IntField()),
                ("segment", fields.IntField(default=0)),
                ("sku", fields.CharField(max_length=255)),
                ("name", fields.CharField(null=True, max_length=255)),
                ("price", fields.BigIntField()),
                ("currency", fields.CharField(max_length=16)),
                ("variants", fields.TextField(default="{}", unique=False)),
                ("product_image", fields.TextField(null=True, unique=False)),
                ("in_stock", fields.BooleanField()),
                ("is_available", fields.BooleanField()),
                ("refreshed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "product",
                "app": "models",
                "unique_together": (("remote_id", "segment"),),
                "indexes": [Index(fields=["sku", "segment"])],
                "pk_attr": "id",
                "table_description": "A product's row. The price is in hundredths and the variants are JSON text.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.IntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("email", fields.CharField(unique=True, max_length=255)),
                ("first_name", fields.CharField(max_length=255)),
                ("last_name", fields.CharField(max_length=255)),
                (
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="users",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "user_account",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A user's row, within one division.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Basket",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="baskets",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("segment", fields.IntField(default=0)),
                (
                    "status",
                    fields.CharEnumField(
                        default=BasketStatus.ACTIVE,
                        description="ACTIVE: ACTIVE\nDRAFT: DRAFT\nSUBMITTED: SUBMITTED",
                        enum_type=BasketStatus,
                        max_length=9,
                    ),
                ),
                ("name", fields.CharField(null=True, max_length=255)),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "saved_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "basket",
                "app": "models",
                "indexes": [Index(fields=["user_id", "status", "saved_at"])],
                "pk_attr": "id",
                "table_description": "A basket's row.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BasketItem",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "basket",
                    fields.ForeignKeyField(
                        "models.Basket",
                        source_field="basket_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="items",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "models.Product",
                        source_field="product_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="items",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("price", fields.BigIntField()),
                ("currency", fields.CharField(max_length=16)),
            ],
            options={
                "table": "basket_item",
                "app": "models",
                "unique_together": (("basket", "product"),),
                "pk_attr": "id",
                "table_description": "One product of a basket, with its unit price in hundredths as of its last refresh.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BasketItemDivision",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "item",
                    fields.ForeignKeyField(
                        "models.BasketItem",
                        source_field="item_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="divisions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "division",
                    fields.ForeignKeyField(
                        "models.Division",
                        source_field="division_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="items",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("quantity", fields.IntField()),
            ],
            options={
                "table": "basket_item_division",
                "app": "models",
                "unique_together": (("item", "division"),),
                "pk_attr": "id",
                "table_description": "The quantity of an item for one division.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="idempotency_keys",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", fields.CharField(max_length=255)),
                ("digest", fields.CharField(max_length=64)),
                ("answer", fields.TextField(null=True, unique=False)),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "idempotency_key",
                "app": "models",
                "unique_together": (("user", "key"),),
                "pk_attr": "id",
                "table_description": "A key of a user, the digest of the input it came with, and the first answer as JSON text.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quotation",
            fields=[
                (
                    "id",
                    fields.IntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="quotations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "basket",
                    fields.OneToOneField(
                        "models.Basket",
                        source_field="basket_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="quotation",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=255)),
                (
                    "status",
                    fields.CharEnumField(
                        description="PENDING: PENDING\nAWAITING_APPROVAL: AWAITING_APPROVAL",
                        enum_type=QuotationStatus,
                        max_length=17,
                    ),
                ),
                ("total_amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "quotation",
                "app": "models",
                "indexes": [Index(fields=["user_id", "created_at"])],
                "pk_attr": "id",
                "table_description": "A quotation's row: the basket, and its total in hundredths and currency when submitted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    fields.IntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One token of a user, as a digest. Revoking it deletes the row.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            sql="CREATE UNIQUE INDEX basket_active ON basket (user_id, segment) WHERE status = 'ACTIVE'",
            reverse_sql="DROP INDEX basket_active",
        ),
    ]
