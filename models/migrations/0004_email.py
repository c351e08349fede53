from typing import ClassVar

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Makes e-mail addresses unique in lower case; changes of `user_account` wait for the index.

    It fails where two users have the same address in different case: delete or rename one first.
    """

    dependencies = [("models", "0003_sku")]

    locks: ClassVar[dict[str, str]] = {"user_account": "ShareLock"}

    initial = False

    operations = [
        ops.RunSQL(
            sql="CREATE UNIQUE INDEX user_account_email ON user_account (lower(email))",
            reverse_sql="DROP INDEX user_account_email",
        ),
    ]
