-- Snapshots of products, for a basket that is submitted.
-- By hand: psql -v copied="sku, name"; then \set basket_id 1, \set quotation_id 1

-- name: take_snapshots
-- Copies the products that a basket holds.
INSERT INTO product (segment, owns_sku, :copied)
SELECT -CAST(:quotation_id AS INT), false, :copied
FROM product
WHERE id IN (SELECT product_id FROM basket_item WHERE basket_id = :basket_id)
ORDER BY id;

-- name: hold_snapshots
-- Makes the items of the basket hold the copies.
UPDATE basket_item
SET product_id = (
    SELECT s.id
    FROM product p
    JOIN product s
        ON s.remote_id = p.remote_id AND s.segment = -CAST(:quotation_id AS INT)
    WHERE p.id = basket_item.product_id
)
WHERE basket_id = :basket_id;
