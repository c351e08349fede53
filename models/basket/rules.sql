-- The rules of a basket, checked in a locked basket after a change.
-- By hand: psql -v basket_id=1 -v broken_rule="'…'"; the text of the rules is in rules.py.

-- name: sums
-- The sums that the rules are about, and the name of the first rule that they break, or null.
SELECT item_count, total_quantity, :broken_rule AS broken_rule
FROM (
    SELECT
        COUNT(DISTINCT i.id) AS item_count,
        COUNT(DISTINCT i.currency) AS currency_count,
        CAST(COALESCE(SUM(q.quantity), 0) AS BIGINT) AS total_quantity,
        COALESCE(MAX(q.quantity), 0) AS highest_quantity
    FROM basket_item i
    JOIN basket_item_division q ON q.item_id = i.id
    WHERE i.basket_id = :basket_id
) AS sums;

-- name: foreign_items
-- The items that are priced in another currency than the first one.
SELECT p.id AS product_id, p.remote_id, i.currency, first.currency AS first_currency
FROM basket_item i
JOIN product p ON p.id = i.product_id
JOIN (
    SELECT currency FROM basket_item WHERE basket_id = :basket_id ORDER BY id LIMIT 1
) AS first ON first.currency <> i.currency
WHERE i.basket_id = :basket_id
ORDER BY i.id;
