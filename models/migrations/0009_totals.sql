-- The totals of baskets from their items, for baskets made before there were columns for them.
-- By hand: \set after 0, \set size 500

-- name: fill (postgres)
-- Fills the next baskets after an id; returns the last id, null when there are no more.
WITH batch AS (
    SELECT id FROM basket WHERE id > :after ORDER BY id LIMIT :size FOR UPDATE
), sums AS (
    SELECT
        batch.id,
        COUNT(DISTINCT i.id) AS item_count,
        COALESCE(SUM(q.quantity), 0) AS total_quantity,
        COALESCE(SUM(i.price * q.quantity), 0) AS total_amount,
        MIN(i.currency) AS currency
    FROM batch
    LEFT JOIN basket_item i ON i.basket_id = batch.id
    LEFT JOIN basket_item_division q ON q.item_id = i.id
    GROUP BY batch.id
), filled AS (
    UPDATE basket
    SET
        item_count = sums.item_count,
        total_quantity = sums.total_quantity,
        total_amount = sums.total_amount,
        currency = sums.currency
    FROM sums
    WHERE basket.id = sums.id
    RETURNING basket.id
)
SELECT MAX(id) AS last FROM filled;

-- name: fill (sqlite)
-- The same for all baskets at once: nobody else is served by an embedded database.
UPDATE basket
SET (item_count, total_quantity, total_amount, currency) = (
    SELECT
        COUNT(DISTINCT i.id),
        COALESCE(SUM(q.quantity), 0),
        COALESCE(SUM(i.price * q.quantity), 0),
        MIN(i.currency)
    FROM basket_item i
    LEFT JOIN basket_item_division q ON q.item_id = i.id
    WHERE i.basket_id = basket.id
);
