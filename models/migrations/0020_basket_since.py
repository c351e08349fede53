from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.functions import CreateFunction

FOLDER = Path(__file__).parent / "functions"


class Migration(migrations.Migration):
    """Makes the function of PostgreSQL that reads what a basket has changed since a version."""

    dependencies = [("models", "0019_add_difference")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [CreateFunction(FOLDER / "basket_since_1.sql")]
