from typing import ClassVar

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.database.added_column import AddColumn
from models.history.tables import ChangeKind, ChangeOrigin


class Migration(migrations.Migration):
    """Makes the history of baskets and columns for their totals; locks `basket` for an instant."""

    dependencies = [("models", "0007_revision")]

    locks: ClassVar[dict[str, str]] = {"basket": "AccessExclusiveLock"}

    initial = False

    operations = [
        ops.CreateModel(
            name="BasketChange",
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
                        related_name="changes",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("version", fields.IntField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="ITEMS_ADDED: ITEMS_ADDED\nITEMS_SET: ITEMS_SET\nITEM_UPDATED: ITEM_UPDATED\nITEM_REMOVED: ITEM_REMOVED\nCLEARED: CLEARED\nIMPORTED: IMPORTED\nCOPIED: COPIED\nREVERTED: REVERTED\nREFRESHED: REFRESHED\nSAVED: SAVED\nRENAMED: RENAMED\nLOADED: LOADED\nSUBMITTED: SUBMITTED",
                        enum_type=ChangeKind,
                        max_length=12,
                    ),
                ),
                (
                    "origin",
                    fields.CharEnumField(
                        description="GRAPHQL: GRAPHQL\nREST: REST\nCOMMAND_LINE: COMMAND_LINE",
                        enum_type=ChangeOrigin,
                        max_length=12,
                    ),
                ),
                ("user_id", fields.IntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("currency", fields.CharField(null=True, max_length=16)),
                ("total_amount", fields.BigIntField()),
                ("total_quantity", fields.BigIntField()),
                ("line_count", fields.IntField()),
                ("lines", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "basket_change",
                "app": "models",
                "unique_together": (("basket", "version"),),
                "pk_attr": "id",
                "table_description": "A version of a basket: who made it, when, how, "
                "the basket's totals then, and the lines.",
            },
            bases=["Model"],
        ),
        AddColumn(
            model_name="Basket",
            name="currency",
            field=fields.CharField(null=True, max_length=16),
        ),
        AddColumn(
            model_name="Basket",
            name="item_count",
            field=fields.IntField(db_default=0),
        ),
        AddColumn(
            model_name="Basket",
            name="total_amount",
            field=fields.BigIntField(db_default=0),
        ),
        AddColumn(
            model_name="Basket",
            name="total_quantity",
            field=fields.BigIntField(db_default=0),
        ),
    ]
