from typing import ClassVar

from tortoise import fields, migrations

from models.database.added_column import AddColumn


class Migration(migrations.Migration):
    """Notes how many pieces Commerce has; locks `product` for an instant, rewrites nothing."""

    dependencies = [("models", "0011_basket_functions")]

    locks: ClassVar[dict[str, str]] = {"product": "AccessExclusiveLock"}

    initial = False

    operations = [
        AddColumn(
            model_name="Product",
            name="stock",
            field=fields.IntField(null=True),
        ),
    ]
