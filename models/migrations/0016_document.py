from typing import ClassVar

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Makes the table of trusted documents."""

    dependencies = [("models", "0015_add_many")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        ops.CreateModel(
            name="TrustedDocument",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("name", fields.CharField(unique=True, max_length=255)),
                ("digest", fields.CharField(db_index=True, max_length=64)),
                ("text", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "trusted_document",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The text of a document under one id, and the digest of "
                "the text. A row never changes.",
            },
            bases=["Model"],
        ),
    ]
