-- The fast path of adding: known products, for divisions that the buyer may buy for.
-- By hand: see models/migrations/functions/, which has the functions by their names.

-- name: add_line (postgres)
-- Adds one line and returns the basket, or the name of the rule that stands against it.
SELECT * FROM basket_add_line_1(
    :buyer_id, :buyer_division_id, :segment, :expected_version, :origin,
    :key, :digest, :expired_before, :changed_at, :confirmed_since,
    :remote_id, :sku, :division_id, :erp_code, :quantity, :full,
    :with_refreshed_at, :known_basket, :known_version, :known_updated_at
);

-- name: add_few (postgres)
-- The same for several lines.
SELECT * FROM basket_add_3(
    :buyer_id, :buyer_division_id, :segment, :expected_version, :origin,
    :key, :digest, :expired_before, :changed_at, :confirmed_since,
    :remote_ids, :skus, :division_ids, :erp_codes, :quantities, :full,
    :with_refreshed_at, :known_basket, :known_version, :known_updated_at
);

-- name: add_many (postgres)
-- The same for so many lines that statements over all of them take less time.
SELECT * FROM basket_add_many_1(
    :buyer_id, :buyer_division_id, :segment, :expected_version, :origin,
    :key, :digest, :expired_before, :changed_at, :confirmed_since,
    :remote_ids, :skus, :division_ids, :erp_codes, :quantities, :full
);

-- name: find_line (sqlite)
-- The product and the division of a line, as the function finds them on PostgreSQL.
SELECT p.id AS product_id, d.id AS division_id
FROM product p
CROSS JOIN division d
LEFT JOIN basket_item held ON held.basket_id = :basket_id AND held.product_id = p.id
WHERE p.segment = :segment
    AND (p.remote_id = :remote_id OR p.sku = :sku)
    AND p.is_available
    AND (
        -- A SKU may have moved to another product since; a remote id always names the same one.
        (p.owns_sku AND p.refreshed_at >= :confirmed_since)
        OR (held.id IS NOT NULL AND :sku IS NULL)
    )
    AND (d.id = :division_id OR d.erp_code = :erp_code)
    AND d.is_active
    AND (d.id = :buyer_division_id OR d.parent_id = :buyer_division_id);
