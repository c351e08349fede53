from typing import ClassVar

from tortoise import fields, migrations

from models.database.added_column import AddColumn


class Migration(migrations.Migration):
    """Notes how long a change is retained; locks `basket_change` briefly, rewrites nothing."""

    dependencies = [("models", "0016_document")]

    locks: ClassVar[dict[str, str]] = {"basket_change": "AccessExclusiveLock"}

    initial = False

    operations = [
        AddColumn(
            model_name="BasketChange",
            name="retained_until",
            field=fields.DatetimeField(null=True),
        ),
    ]
