-- Counting a version of a locked basket.
-- By hand: \set basket_id 1, \set items 1, \set quantity 2, \set amount 100, and so on.

-- name: count_version
-- Adds what a change adds to the totals; returns the basket's version and totals after it.
UPDATE basket
SET
    version = version + 1,
    updated_at = :changed_at,
    item_count = item_count + CAST(:items AS INT),
    total_quantity = total_quantity + CAST(:quantity AS BIGINT),
    total_amount = total_amount + CAST(:amount AS BIGINT),
    currency = :currency
WHERE id = :basket_id
RETURNING version, item_count, total_quantity, total_amount, currency;
