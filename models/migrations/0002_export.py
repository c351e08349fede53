from typing import ClassVar

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.export.export import ExportFormat, ExportStatus


class Migration(migrations.Migration):
    """Makes the table of exports; changes of `user_account` and `basket` wait for an instant."""

    dependencies = [("models", "0001_initial")]

    locks: ClassVar[dict[str, str]] = {
        "basket": "ShareRowExclusiveLock",
        "user_account": "ShareRowExclusiveLock",
    }

    initial = False

    operations = [
        ops.CreateModel(
            name="BasketExport",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("cache_key", fields.CharField(unique=True, max_length=32)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="exports",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "basket",
                    fields.ForeignKeyField(
                        "models.Basket",
                        source_field="basket_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="exports",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "format",
                    fields.CharEnumField(
                        description="CSV: csv\nXLS: xls\nXLSX: xlsx",
                        enum_type=ExportFormat,
                        max_length=4,
                    ),
                ),
                ("columns", fields.CharField(max_length=255)),
                (
                    "status",
                    fields.CharEnumField(
                        default=ExportStatus.WAITING,
                        description="WAITING: WAITING\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nFAILED: FAILED\nEXPIRED: EXPIRED",
                        enum_type=ExportStatus,
                        max_length=10,
                    ),
                ),
                ("rows_written", fields.IntField(default=0)),
                ("rows_total", fields.IntField()),
                ("failure", fields.TextField(null=True, unique=False)),
                ("attempts", fields.IntField(default=0)),
                ("begun", fields.IntField(default=0)),
                ("lease_owner", fields.CharField(null=True, max_length=32)),
                (
                    "lease_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("resend_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "expires_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "files_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "basket_export",
                "app": "models",
                "indexes": [
                    Index(fields=["status", "resend_at"]),
                    Index(fields=["status", "finished_at"]),
                    Index(fields=["files_until"]),
                    Index(fields=["basket_id"]),
                    Index(fields=["user_id", "status"]),
                ],
                "pk_attr": "id",
                "table_description": "An export's row, which is the job itself: its message only tells of it.",
            },
            bases=["Model"],
        ),
    ]
