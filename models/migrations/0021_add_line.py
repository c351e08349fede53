from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.functions import CreateFunction, ReplaceFunction

FOLDER = Path(__file__).parent / "functions"


class Migration(migrations.Migration):
    """Makes the function of PostgreSQL that adds one line, and reads the contents in less time."""

    dependencies = [("models", "0020_basket_since")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        ReplaceFunction(FOLDER / "basket_contents_2.sql"),
        CreateFunction(FOLDER / "basket_add_line_1.sql"),
    ]
