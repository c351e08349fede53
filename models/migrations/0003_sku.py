from typing import ClassVar

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Notes whether a product still has its SKU; locks `product` for an instant, rewrites nothing."""

    dependencies = [("models", "0002_export")]

    locks: ClassVar[dict[str, str]] = {"product": "AccessExclusiveLock"}

    initial = False

    operations = [
        ops.AddField(
            model_name="Product",
            name="owns_sku",
            field=fields.BooleanField(db_default=True),
        ),
    ]
