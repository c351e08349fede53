-- Baskets beside what their items and their history say of them.
-- By hand: \set after 0, \set size 50

-- name: read_baskets
-- The next baskets after an id, of one snapshot: a change in progress is seen whole or not at all.
-- Each sum is a subquery of its own, so that a batch reads its own items by indexes, and no others;
-- the quantities of each item too, as models/basket/read.sql explains.
SELECT
    b.id,
    b.version,
    b.item_count,
    b.total_quantity,
    b.total_amount,
    b.currency,
    (SELECT COUNT(*) FROM basket_item i WHERE i.basket_id = b.id) AS sum_item_count,
    (
        SELECT COALESCE(SUM((
            SELECT SUM(q.quantity) FROM basket_item_division q WHERE q.item_id = i.id
        )), 0)
        FROM basket_item i
        WHERE i.basket_id = b.id
    ) AS sum_total_quantity,
    (
        SELECT COALESCE(SUM(i.price * (
            SELECT SUM(q.quantity) FROM basket_item_division q WHERE q.item_id = i.id
        )), 0)
        FROM basket_item i
        WHERE i.basket_id = b.id
    ) AS sum_total_amount,
    (SELECT MIN(i.currency) FROM basket_item i WHERE i.basket_id = b.id) AS sum_currency,
    (SELECT COUNT(*) FROM basket_change c WHERE c.basket_id = b.id) AS change_count,
    (SELECT MIN(c.version) FROM basket_change c WHERE c.basket_id = b.id) AS first_change,
    (SELECT MAX(c.version) FROM basket_change c WHERE c.basket_id = b.id) AS last_change
FROM (SELECT * FROM basket WHERE id > :after ORDER BY id LIMIT :size) b
ORDER BY b.id;
