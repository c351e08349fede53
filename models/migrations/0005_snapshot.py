from typing import ClassVar

from tortoise import migrations
from tortoise.migrations import operations as ops

NAMES = ("sku", "name", "price", "currency", "variants", "product_image", "in_stock")
MORE_NAMES = ("is_available", "refreshed_at")
DESCRIPTION = ", ".join((*NAMES, *MORE_NAMES))
COPIED = ", ".join(f"p.{name}" for name in (*NAMES, *MORE_NAMES))


class Migration(migrations.Migration):
    """Gives baskets that were submitted before the snapshots that new ones get; locks their items."""

    dependencies = [("models", "0004_email")]

    locks: ClassVar[dict[str, str]] = {}

    initial = False

    operations = [
        ops.RunSQL(
            sql=f"INSERT INTO product (remote_id, segment, owns_sku, {DESCRIPTION}) "
            f"SELECT p.remote_id, -q.id, false, {COPIED} "
            "FROM quotation q JOIN basket_item i ON i.basket_id = q.basket_id "
            "JOIN product p ON p.id = i.product_id WHERE p.segment >= 0 ORDER BY i.id",
            reverse_sql="DELETE FROM product WHERE segment < 0",
        ),
        ops.RunSQL(
            sql="UPDATE basket_item SET product_id = (SELECT s.id FROM quotation q "
            "JOIN product p ON p.id = basket_item.product_id "
            "JOIN product s ON s.remote_id = p.remote_id AND s.segment = -q.id "
            "WHERE q.basket_id = basket_item.basket_id) "
            "WHERE basket_id IN (SELECT basket_id FROM quotation)",
            reverse_sql="UPDATE basket_item SET product_id = (SELECT p.id FROM product s "
            "JOIN basket b ON b.id = basket_item.basket_id "
            "JOIN product p ON p.remote_id = s.remote_id AND p.segment = b.segment "
            "WHERE s.id = basket_item.product_id) "
            "WHERE product_id IN (SELECT id FROM product WHERE segment < 0)",
        ),
    ]
