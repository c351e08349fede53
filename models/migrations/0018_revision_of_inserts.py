from typing import ClassVar

from tortoise import migrations

from models.database.dialect import PostgresSQL

# As in 0007_revision. SQLite has a trigger for inserted rows since then.
DRAWN = "hashtextextended(concat(txid_current(), ' ', clock_timestamp(), ' ', random()), 0)"
ADD_TRIGGER = (
    "CREATE FUNCTION product_revision_insert() RETURNS trigger LANGUAGE plpgsql AS $$ "
    f"BEGIN NEW.revision := {DRAWN}; RETURN NEW; END $$; "
    "CREATE TRIGGER product_revision_insert BEFORE INSERT ON product "
    "FOR EACH ROW EXECUTE FUNCTION product_revision_insert()"
)
DROP_TRIGGER = (
    "DROP TRIGGER product_revision_insert ON product; DROP FUNCTION product_revision_insert"
)


class Migration(migrations.Migration):
    """Draws the revision of inserted products too; locks `product` briefly, rewrites nothing.

    A row that was copied with its revision, changed and inserted again was shown as it was before.
    """

    dependencies = [("models", "0017_retained")]

    locks: ClassVar[dict[str, str]] = {"product": "ShareRowExclusiveLock"}

    initial = False

    operations = [PostgresSQL(ADD_TRIGGER, DROP_TRIGGER)]
