"""A basket with as many items as it may hold, written without asking Commerce."""

from models.basket.tables import MAXIMUM_ITEMS, Basket
from models.product.tables import Product
from models.timestamps import now
from tests.support.statements import statement

FIRST_REMOTE_ID = 1_000


SCATTERED = "2 * p.id + 1000000 + (p.id * p.id * 7919 / 13) % 2"
"""Ids of items as if other baskets had got about every second one."""


_OTHER_PRODUCTS = statement("""
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :count
)
INSERT INTO product (remote_id, segment, sku, price, currency, variants, in_stock, is_available,
    refreshed_at)
SELECT remote_id + number, segment, 'SKU' || (remote_id + number), price, currency, variants,
    in_stock, is_available, refreshed_at
FROM product CROSS JOIN numbers WHERE id = :first AND number < :count ORDER BY number
""")
"""Makes products that differ from the first one in their keys alone."""


async def fill_basket(
    count: int = MAXIMUM_ITEMS, divisions: int = 2, *, is_scattered: bool = False
) -> int:
    """Makes the active basket of the first user, at version 1, and returns its id.

    It has a piece of each product for each of the first divisions. Commerce has just confirmed the
    products; their remote ids begin with FIRST_REMOTE_ID.
    """
    columns, item_id = ("id, ", f"{SCATTERED}, ") if is_scattered else ("", "")
    written_at = now()
    first = await Product.create(
        remote_id=FIRST_REMOTE_ID,
        sku=f"SKU{FIRST_REMOTE_ID}",
        price=1000,
        currency="try",
        in_stock=True,
        is_available=True,
        refreshed_at=written_at,
    )
    await _OTHER_PRODUCTS.rows(first=first.id, count=count)
    basket = await Basket.create(
        user_id=1,
        created_at=written_at,
        updated_at=written_at,
        item_count=count,
        total_quantity=count * divisions,
        total_amount=count * divisions * 1000,
        currency="try",
    )
    await statement(
        f"INSERT INTO basket_item ({columns}basket_id, product_id, price, currency) "
        f"SELECT {item_id}b.id, p.id, p.price, p.currency "
        "FROM basket b CROSS JOIN product p ORDER BY p.id"
    ).rows()
    await statement(
        "INSERT INTO basket_item_division (item_id, division_id, quantity) "
        "SELECT i.id, d.id, 1 FROM basket_item i CROSS JOIN division d "
        "WHERE d.id <= :divisions ORDER BY i.id, d.id"
    ).rows(divisions=divisions)
    return int(basket.id)
