from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.batches import FillInBatches


class Migration(migrations.Migration):
    """Fills the totals of baskets from their items, 500 baskets at a time; locks those alone."""

    dependencies = [("models", "0008_change")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [FillInBatches(Path(__file__).with_suffix(".sql"))]
