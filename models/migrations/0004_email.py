from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_sku")]

    initial = False

    operations = [
        ops.RunSQL(
            sql="CREATE UNIQUE INDEX user_account_email ON user_account (lower(email))",
            reverse_sql="DROP INDEX user_account_email",
        ),
    ]
