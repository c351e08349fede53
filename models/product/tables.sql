-- Products by their keys, and what Commerce says of them. Lists are one parameter each.
-- By hand: psql -v shown="p.remote_id, p.sku"; then \set product_id 1, \set segment 0

-- name: known_products (postgres)
-- The part of products that adding them to a basket needs; the last one of a SKU is the latest.
-- Not `OR (p.owns_sku AND …)`, which would keep PostgreSQL from using both indexes.
SELECT
    p.id, p.remote_id, p.sku, p.currency, p.is_available, p.owns_sku,
    p.owns_sku AND p.refreshed_at >= :confirmed_since AS is_fresh,
    p.owns_sku AND p.refreshed_at >= :sku_confirmed_since AS is_sku_fresh,
    i.id IS NOT NULL AS is_in_basket
FROM product p
LEFT JOIN basket b ON b.user_id = :user_id AND b.segment = :segment AND b.status = 'ACTIVE'
LEFT JOIN basket_item i ON i.basket_id = b.id AND i.product_id = p.id
WHERE p.segment = :segment
    AND (p.remote_id = ANY(:remote_ids::int[]) OR p.sku = ANY(:skus::text[]))
ORDER BY p.refreshed_at, p.id;

-- name: known_products (sqlite)
SELECT
    p.id, p.remote_id, p.sku, p.currency, p.is_available, p.owns_sku,
    p.owns_sku AND p.refreshed_at >= :confirmed_since AS is_fresh,
    p.owns_sku AND p.refreshed_at >= :sku_confirmed_since AS is_sku_fresh,
    i.id IS NOT NULL AS is_in_basket
FROM product p
LEFT JOIN basket b ON b.user_id = :user_id AND b.segment = :segment AND b.status = 'ACTIVE'
LEFT JOIN basket_item i ON i.basket_id = b.id AND i.product_id = p.id
WHERE p.segment = :segment
    AND (p.remote_id IN (SELECT value FROM json_each(:remote_ids))
        OR p.sku IN (SELECT value FROM json_each(:skus)))
ORDER BY p.refreshed_at, p.id;

-- name: store_products (postgres)
-- Writes descriptions, always in the same order, so that two writers never deadlock.
INSERT INTO product (segment, refreshed_at, :described)
SELECT :segment, :refreshed_at, :described
FROM jsonb_populate_recordset(NULL::product, :products::jsonb)
ORDER BY remote_id
ON CONFLICT (remote_id, segment)
DO UPDATE SET :replaced, owns_sku = true, refreshed_at = excluded.refreshed_at
RETURNING
    id, remote_id, sku, currency, is_available, owns_sku, true AS is_fresh, true AS is_sku_fresh,
    false AS is_in_basket;

-- name: store_products (sqlite)
-- WHERE true tells the ON of a join from that of a conflict.
INSERT INTO product (segment, refreshed_at, :described)
SELECT :segment, :refreshed_at, :extracted
FROM json_each(:products)
WHERE true
ORDER BY json_extract(value, '$.remote_id')
ON CONFLICT (remote_id, segment)
DO UPDATE SET :replaced, owns_sku = true, refreshed_at = excluded.refreshed_at
RETURNING
    id, remote_id, sku, currency, is_available, owns_sku, true AS is_fresh, true AS is_sku_fresh,
    false AS is_in_basket;

-- name: disown_skus (postgres)
-- Takes SKUs from all products but these. It locks in the order in which products are written,
-- against deadlocks, and as an UPDATE would, which additions of the products do not wait for.
UPDATE product SET owns_sku = false
WHERE id IN (
    SELECT id FROM product
    -- Each SKU is looked up, whatever the statistics say; only the few that are found at another
    -- product are compared with the list.
    WHERE id = ANY(ARRAY(
        SELECT other.id
        FROM unnest(:skus::text[], :remote_ids::int[]) AS kept (sku, remote_id)
        CROSS JOIN LATERAL (
            SELECT p.id
            FROM product p
            WHERE p.segment = :segment AND p.sku = kept.sku
                AND p.owns_sku AND p.remote_id <> kept.remote_id
            OFFSET 0
        ) AS other
    ))
    -- Asked again after the lock, for which another change of the product may have been waited.
        AND owns_sku AND sku = ANY(:skus::text[])
        AND NOT remote_id = ANY(:remote_ids::int[])
    ORDER BY remote_id
    FOR NO KEY UPDATE
);

-- name: disown_skus (sqlite)
UPDATE product SET owns_sku = false
WHERE segment = :segment AND owns_sku
    AND sku IN (SELECT value FROM json_each(:skus))
    AND remote_id NOT IN (SELECT value FROM json_each(:remote_ids));

-- name: withdraw_products (postgres)
-- Notes that Commerce no longer sells these products; it locks as disown_skus does.
UPDATE product SET is_available = false, refreshed_at = :refreshed_at
WHERE id IN (
    SELECT id FROM product
    WHERE segment = :segment AND remote_id = ANY(:remote_ids::int[])
    ORDER BY remote_id
    FOR NO KEY UPDATE
);

-- name: withdraw_products (sqlite)
UPDATE product SET is_available = false, refreshed_at = :refreshed_at
WHERE segment = :segment AND remote_id IN (SELECT value FROM json_each(:remote_ids));

-- name: product
-- A product by the id of its row.
SELECT :shown FROM product p WHERE p.id = :product_id;

-- name: visible_product
-- A product; one of a segment only if a basket of the user holds it.
SELECT :shown
FROM product p
-- The numbers of an id may exceed the columns' type, for which asyncpg would reject them.
WHERE p.remote_id = CAST(:remote_id AS BIGINT)
    AND p.segment = CAST(:segment AS BIGINT)
    AND (p.segment = 0 OR EXISTS (
        SELECT 1
        FROM basket_item i
        JOIN basket b ON b.id = i.basket_id
        WHERE i.product_id = p.id AND b.user_id = :user_id
    ));

-- name: products_shown (postgres)
-- Products as baskets show them, with their revisions.
SELECT p.id, p.revision, :shown FROM product p WHERE p.id = ANY(:ids::bigint[]);

-- name: products_shown (sqlite)
SELECT p.id, p.revision, :shown
FROM product p
WHERE p.id IN (SELECT value FROM json_each(:ids));

-- name: product_keys (postgres)
-- The keys by which products are named.
SELECT p.id, p.remote_id, p.sku FROM product p WHERE p.id = ANY(:ids::bigint[]);

-- name: product_keys (sqlite)
SELECT p.id, p.remote_id, p.sku FROM product p WHERE p.id IN (SELECT value FROM json_each(:ids));
