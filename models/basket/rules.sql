-- The rules of a basket, checked in a locked basket after a change.
-- By hand: \set basket_id 1, \set maximum_rejections 100

-- name: foreign_items
-- The items that are priced in another currency than the first one.
SELECT p.id AS product_id, p.remote_id, i.currency, first.currency AS first_currency
FROM basket_item i
JOIN product p ON p.id = i.product_id
JOIN (
    SELECT currency FROM basket_item WHERE basket_id = :basket_id ORDER BY id LIMIT 1
) AS first ON first.currency <> i.currency
WHERE i.basket_id = :basket_id
ORDER BY i.id
LIMIT :maximum_rejections;
