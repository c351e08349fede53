-- Repricing the items of a locked basket. Lists of ids are one parameter each: they may be long.
-- By hand: \set basket_id 1, \set maximum_rejections 100,
-- \set remote_ids '''{1,2}''', \set item_ids '''{1,2}'''

-- name: price_changes (postgres)
-- The items of these products whose price, or its currency, is no longer the product's.
SELECT
    i.id AS item_id, p.remote_id, p.sku,
    i.price AS old_price, i.currency AS old_currency,
    p.price AS new_price, p.currency AS new_currency,
    i.product_id,
    (SELECT SUM(q.quantity) FROM basket_item_division q WHERE q.item_id = i.id) AS quantity
FROM basket_item i
JOIN product p ON p.id = i.product_id
WHERE i.basket_id = :basket_id
    AND p.remote_id = ANY(:remote_ids::int[])
    AND (p.price <> i.price OR p.currency <> i.currency)
ORDER BY i.id;

-- name: price_changes (sqlite)
SELECT
    i.id AS item_id, p.remote_id, p.sku,
    i.price AS old_price, i.currency AS old_currency,
    p.price AS new_price, p.currency AS new_currency,
    i.product_id,
    (SELECT SUM(q.quantity) FROM basket_item_division q WHERE q.item_id = i.id) AS quantity
FROM basket_item i
JOIN product p ON p.id = i.product_id
WHERE i.basket_id = :basket_id
    AND p.remote_id IN (SELECT value FROM json_each(:remote_ids))
    AND (p.price <> i.price OR p.currency <> i.currency)
ORDER BY i.id;

-- name: reprice (postgres)
-- Gives items the prices of their products.
UPDATE basket_item SET price = p.price, currency = p.currency
FROM product p
WHERE p.id = basket_item.product_id AND basket_item.id = ANY(:item_ids::bigint[]);

-- name: reprice (sqlite)
UPDATE basket_item SET price = p.price, currency = p.currency
FROM product p
WHERE p.id = basket_item.product_id
    AND basket_item.id IN (SELECT value FROM json_each(:item_ids));

-- name: foreign_items
-- The items that are not priced in the commonest currency: they stand in the way of the others.
SELECT p.sku, i.currency, common.currency AS common_currency
FROM basket_item i
JOIN product p ON p.id = i.product_id
JOIN (
    SELECT currency FROM basket_item
    WHERE basket_id = :basket_id
    GROUP BY currency
    -- Of equally common currencies always the same one, so that the advice to a buyer is stable.
    ORDER BY COUNT(*) DESC, currency
    LIMIT 1
) AS common ON common.currency <> i.currency
WHERE i.basket_id = :basket_id
ORDER BY i.id
LIMIT :maximum_rejections;

-- name: item_products
-- The items of a basket with what names their products, and whether Commerce sells them.
SELECT i.id, p.remote_id, p.sku, p.is_available
FROM basket_item i
JOIN product p ON p.id = i.product_id
WHERE i.basket_id = :basket_id
ORDER BY i.id;
