from typing import ClassVar

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

# Drawn, not counted: a number must never come again with other contents, not after a rollback and
# not after a backup is restored, either of which would set a counter back.
DRAWN = "hashtextextended(concat(txid_current(), ' ', clock_timestamp(), ' ', random()), 0)"

DRAW_DIVISIONS = (
    f"INSERT INTO division_revision (id, revision) VALUES (1, {DRAWN}) "
    "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision"
)

POSTGRES = [
    # Existing products share a number of this migration, for which no row is written.
    "ALTER TABLE product ADD COLUMN revision BIGINT NOT NULL "
    "DEFAULT CAST(extract(epoch FROM now()) * 1000000 AS BIGINT)",
    f"ALTER TABLE product ALTER COLUMN revision SET DEFAULT {DRAWN}",
    # Whole rows are compared, so that a column added later is covered too. A confirmation by
    # Commerce that changes nothing else does not make another product.
    "CREATE FUNCTION product_revision() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "DECLARE before record; BEGIN NEW.revision := OLD.revision; before := OLD; "
    "before.refreshed_at := NEW.refreshed_at; IF NEW IS DISTINCT FROM before THEN "
    f"NEW.revision := {DRAWN}; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER product_revision BEFORE UPDATE ON product "
    "FOR EACH ROW EXECUTE FUNCTION product_revision()",
    "CREATE TABLE division_revision "
    "(id INT PRIMARY KEY CHECK (id = 1), revision BIGINT NOT NULL)",
    DRAW_DIVISIONS,
    "CREATE FUNCTION division_revision() RETURNS trigger LANGUAGE plpgsql AS $$ "
    f"BEGIN {DRAW_DIVISIONS}; RETURN NULL; END $$",
    # Before the rows, so that all writers of divisions take this lock first and none deadlock.
    "CREATE TRIGGER division_revision BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON division "
    "FOR EACH STATEMENT EXECUTE FUNCTION division_revision()",
]
POSTGRES_BACKWARD = [
    "DROP TRIGGER division_revision ON division",
    "DROP FUNCTION division_revision",
    "DROP TABLE division_revision",
    "DROP TRIGGER product_revision ON product",
    "DROP FUNCTION product_revision",
    "ALTER TABLE product DROP COLUMN revision",
]

_DRAW_PRODUCT = "UPDATE product SET revision = random()"
# SQLite compares no whole rows, so there every update makes another product. Divisions have no
# revision there and are read with each basket: rows changed by a trigger would count as updated.
SQLITE = [
    "ALTER TABLE product ADD COLUMN revision BIGINT NOT NULL DEFAULT 0",
    _DRAW_PRODUCT,
    "CREATE TRIGGER product_revision_insert AFTER INSERT ON product "
    f"BEGIN {_DRAW_PRODUCT} WHERE id = NEW.id; END",
    "CREATE TRIGGER product_revision_update AFTER UPDATE ON product "
    f"WHEN NEW.revision = OLD.revision BEGIN {_DRAW_PRODUCT} WHERE id = NEW.id; END",
]
SQLITE_BACKWARD = [
    "DROP TRIGGER product_revision_insert",
    "DROP TRIGGER product_revision_update",
    "ALTER TABLE product DROP COLUMN revision",
]


async def add_revisions(apps: object, editor: BaseSchemaEditor) -> None:
    """Adds the revisions and the triggers that keep them."""
    is_sqlite = editor.client.capabilities.dialect == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRES:
        await editor.client.execute_script(statement)


async def drop_revisions(apps: object, editor: BaseSchemaEditor) -> None:
    """Drops the triggers and the revisions."""
    is_sqlite = editor.client.capabilities.dialect == "sqlite"
    for statement in SQLITE_BACKWARD if is_sqlite else POSTGRES_BACKWARD:
        await editor.client.execute_script(statement)


class Migration(migrations.Migration):
    """Numbers what is shown of products and divisions; locks both for an instant, rewrites nothing.

    Revisions are the database's own: no model has them, so that nobody writes them. All divisions
    share one: a read then costs one row of one page, and it covers their parents too.
    """

    dependencies = [("models", "0006_basket_add")]

    locks: ClassVar[dict[str, str]] = {
        "division": "ShareRowExclusiveLock",
        "product": "AccessExclusiveLock",
    }

    initial = False

    operations = [ops.RunPython(add_revisions, drop_revisions)]
