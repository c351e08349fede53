from pathlib import Path
from typing import ClassVar

from tortoise import migrations

from models.database.functions import CreateFunction

FOLDER = Path(__file__).parent / "functions"


class Migration(migrations.Migration):
    """Makes the function of PostgreSQL that adds lines and can return only what they changed.

    The function before it stays for servers of the release before, which may still run.
    """

    dependencies = [("models", "0018_revision_of_inserts")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        CreateFunction(FOLDER / "basket_contents_2.sql"),
        CreateFunction(FOLDER / "basket_add_3.sql"),
    ]
