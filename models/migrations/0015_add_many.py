from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.functions import CreateFunction

FOLDER = Path(__file__).parent / "functions"


class Migration(migrations.Migration):
    """Makes the function of PostgreSQL that adds many lines to a basket in one round trip."""

    dependencies = [("models", "0014_identity")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [CreateFunction(FOLDER / "basket_add_many_1.sql")]
