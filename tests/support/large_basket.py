"""A basket whose export takes long, written by SQL."""

import asyncpg

from models.database.connection import connect, disconnect
from tests.support.service import write_people

# 5,000 products for ERP01 to ERP03: 15,000 rows. No export is completed while a test keeps the gate shut.
LARGE_BASKET = """
INSERT INTO product (segment, remote_id, sku, name, price, currency, is_available, in_stock, variants, refreshed_at)
SELECT 0, n, 'SKU' || n, 'Product ' || n, 1055, 'try', true, true, '{}', now() FROM generate_series(1, 5000) n;
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) SELECT id, 0, 'ACTIVE', 1, now(), now()
FROM user_account WHERE email = 'main@example.invalid';
INSERT INTO basket_item (basket_id, product_id, price, currency) SELECT basket.id, product.id, 1055, 'try'
FROM basket, product ORDER BY product.id;
INSERT INTO basket_item_division (item_id, division_id, quantity) SELECT basket_item.id, division.id, 2
FROM basket_item, division WHERE erp_code IN ('ERP01', 'ERP02', 'ERP03') ORDER BY basket_item.id, division.id;
CREATE TABLE completion (export_id bigint);
CREATE FUNCTION note_completion() RETURNS trigger AS 'BEGIN INSERT INTO completion VALUES (NEW.id); RETURN NEW; END'
LANGUAGE plpgsql;
CREATE TRIGGER completed AFTER UPDATE OF status ON basket_export FOR EACH ROW
WHEN (NEW.status = 'COMPLETED') EXECUTE FUNCTION note_completion();
CREATE FUNCTION wait_at_gate() RETURNS trigger AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END'
LANGUAGE plpgsql;
CREATE TRIGGER gate BEFORE UPDATE OF status ON basket_export FOR EACH ROW
WHEN (NEW.status = 'COMPLETED') EXECUTE FUNCTION wait_at_gate();
"""


async def run(url: str, sql: str) -> None:
    """Runs SQL."""
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def write_large_basket(url: str) -> None:
    """Writes the people and a basket that takes seconds to export."""
    await connect(url)
    await write_people()
    await disconnect()
    await run(url, LARGE_BASKET)
