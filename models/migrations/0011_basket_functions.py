from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.functions import CreateFunction, DropFunction

FOLDER = Path(__file__).parent / "functions"
NAMES = (
    "basket_find_key_1",
    "basket_store_outcome_1",
    "basket_record_1",
    "basket_contents_1",
    "basket_add_2",
    "basket_item_change_1",
)


class Migration(migrations.Migration):
    """Makes the functions of PostgreSQL that change a basket, its totals and its history at once.

    The function before them goes: it knew of neither totals nor history.
    """

    dependencies = [("models", "0010_outcome")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        DropFunction(FOLDER / "basket_add_1.sql"),
        *(CreateFunction(FOLDER / f"{name}.sql") for name in NAMES),
    ]
