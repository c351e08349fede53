from typing import ClassVar

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Makes the table of idempotency keys anew, for outcomes; locks users for an instant.

    What it held were whole baskets, in a format that no release has written.
    """

    dependencies = [("models", "0009_totals")]

    locks: ClassVar[dict[str, str]] = {
        "idempotency_key": "AccessExclusiveLock",
        "user_account": "AccessExclusiveLock",
    }

    initial = False

    operations = [
        ops.DeleteModel(name="IdempotencyKey"),
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
                ("outcome", fields.TextField(unique=False)),
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
                "table_description": "A key of a user, the digest of the input it came with, "
                "and the outcome as JSON text.",
            },
            bases=["Model"],
        ),
    ]
