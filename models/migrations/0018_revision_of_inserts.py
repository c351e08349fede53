from typing import ClassVar

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

# As in 0007_revision.
DRAWN = "hashtextextended(concat(txid_current(), ' ', clock_timestamp(), ' ', random()), 0)"

POSTGRES = [
    "CREATE FUNCTION product_revision_insert() RETURNS trigger LANGUAGE plpgsql AS $$ "
    f"BEGIN NEW.revision := {DRAWN}; RETURN NEW; END $$",
    "CREATE TRIGGER product_revision_insert BEFORE INSERT ON product "
    "FOR EACH ROW EXECUTE FUNCTION product_revision_insert()",
]
POSTGRES_BACKWARD = [
    "DROP TRIGGER product_revision_insert ON product",
    "DROP FUNCTION product_revision_insert",
]


async def draw_for_inserts(apps: object, editor: BaseSchemaEditor) -> None:
    """Adds the trigger; SQLite has one for inserted rows from the start."""
    await _run(editor, POSTGRES)


async def keep_inserted(apps: object, editor: BaseSchemaEditor) -> None:
    """Drops the trigger."""
    await _run(editor, POSTGRES_BACKWARD)


async def _run(editor: BaseSchemaEditor, statements: list[str]) -> None:
    if editor.client.capabilities.dialect != "sqlite":
        for statement in statements:
            await editor.client.execute_script(statement)


class Migration(migrations.Migration):
    """Draws the revision of inserted products too; locks `product` for an instant, rewrites nothing.

    A row that was copied with its revision, changed and inserted again was shown as it was before.
    """

    dependencies = [("models", "0017_retained")]

    locks: ClassVar[dict[str, str]] = {"product": "ShareRowExclusiveLock"}

    initial = False

    operations = [ops.RunPython(draw_for_inserts, keep_inserted)]
