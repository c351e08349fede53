from typing import ClassVar

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Makes the table of audited changes; locks nothing."""

    dependencies = [("models", "0012_stock")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
                ("actor_kind", fields.CharField(max_length=16)),
                ("actor", fields.CharField(max_length=255)),
                ("actor_user_id", fields.IntField(null=True)),
                ("action", fields.CharField(max_length=32)),
                ("user_id", fields.IntField(null=True, db_index=True)),
                ("division_id", fields.IntField(null=True, db_index=True)),
                ("details", fields.TextField(unique=False)),
            ],
            options={
                "table": "audit_entry",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A change: who made it, when, of which user or "
                "division, and the values before and after.",
            },
            bases=["Model"],
        ),
    ]
