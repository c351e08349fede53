"""Snapshots of products: a submitted basket goes on showing its products as they were on its day.

A snapshot is a row of the products' table by itself, so that reading a submitted basket is the same
statement as reading an active one. Its segment is the quotation's id with a minus sign: no look-up
of a product asks for it, and each quotation has snapshots of its own.
"""

from models.database.statement import Statement

_DESCRIPTION = (
    "sku, name, price, currency, variants, product_image, in_stock, is_available, "
    "refreshed_at"  # the columns that are copied
)
_TAKE = Statement(
    f"INSERT INTO product (remote_id, segment, owns_sku, {_DESCRIPTION}) "
    f"SELECT remote_id, -CAST($2 AS INT), false, {_DESCRIPTION} FROM product "
    "WHERE id IN (SELECT product_id FROM basket_item WHERE basket_id = $1) ORDER BY id"
)
_HOLD = Statement(
    "UPDATE basket_item SET product_id = (SELECT s.id FROM product p JOIN product s "
    "ON s.remote_id = p.remote_id AND s.segment = -CAST($2 AS INT) "
    "WHERE p.id = basket_item.product_id) WHERE basket_id = $1"
)


async def take_snapshots(basket_id: int, quotation_id: int) -> None:
    """Makes the items of a basket hold snapshots of their products."""
    await _TAKE.rows(basket_id, quotation_id)
    await _HOLD.rows(basket_id, quotation_id)
