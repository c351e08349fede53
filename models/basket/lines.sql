-- Adding many lines to a locked basket: each statement takes all lines as one JSON text.
-- By hand: \set basket_id 1 and
-- \set lines '''[{"position": 0, "product_id": 1, "division_id": 1, "quantity": 2}]'''

-- name: held_quantities (postgres)
-- The items that hold the products already, with their quantities per division. Both are looked up
-- one by one, as models/basket/read.sql explains.
SELECT i.id AS item_id, i.product_id, i.price, q.id AS part_id, q.division_id, q.quantity
FROM jsonb_to_recordset(:lines::jsonb) AS line(product_id bigint)
CROSS JOIN LATERAL (
    SELECT item.id, item.product_id, item.price
    FROM basket_item item
    WHERE item.basket_id = :basket_id AND item.product_id = line.product_id
    OFFSET 0
) AS i
CROSS JOIN LATERAL (
    SELECT part.id, part.division_id, part.quantity
    FROM basket_item_division part
    WHERE part.item_id = i.id
    OFFSET 0
) AS q;

-- name: held_quantities (sqlite)
SELECT i.id AS item_id, i.product_id, i.price, q.id AS part_id, q.division_id, q.quantity
FROM basket_item i
JOIN basket_item_division q ON q.item_id = i.id
WHERE i.basket_id = :basket_id
    AND i.product_id IN (
        SELECT json_extract(line.value, '$.product_id') FROM json_each(:lines) AS line
    );

-- name: add_items (postgres)
-- Adds the products that the basket does not hold yet, and returns them.
INSERT INTO basket_item (basket_id, product_id, price, currency)
SELECT :basket_id, p.id, p.price, p.currency
FROM jsonb_to_recordset(:lines::jsonb) AS line(position int, product_id bigint)
JOIN product p ON p.id = line.product_id
-- The ids are drawn in this order, and items are shown in the order of their ids.
ORDER BY line.position
ON CONFLICT (basket_id, product_id) DO NOTHING
RETURNING id AS item_id, product_id, price, currency;

-- name: add_items (sqlite)
-- WHERE true tells the ON of a join from that of a conflict.
INSERT INTO basket_item (basket_id, product_id, price, currency)
SELECT :basket_id, p.id, p.price, p.currency
FROM json_each(:lines) AS line
JOIN product p ON p.id = json_extract(line.value, '$.product_id')
WHERE true
ORDER BY json_extract(line.value, '$.position')
ON CONFLICT (basket_id, product_id) DO NOTHING
RETURNING id AS item_id, product_id, price, currency;

-- name: add_quantities (postgres)
-- Adds the quantities to those that the items have for the same divisions.
INSERT INTO basket_item_division AS q (item_id, division_id, quantity)
SELECT i.id, line.division_id, line.quantity
FROM jsonb_to_recordset(:lines::jsonb)
    AS line(position int, product_id bigint, division_id int, quantity int)
JOIN basket_item i ON i.basket_id = :basket_id AND i.product_id = line.product_id
ORDER BY line.position
ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = q.quantity + excluded.quantity;

-- name: add_quantities (sqlite)
INSERT INTO basket_item_division AS q (item_id, division_id, quantity)
SELECT
    i.id, json_extract(line.value, '$.division_id'), json_extract(line.value, '$.quantity')
FROM json_each(:lines) AS line
JOIN basket_item i
    ON i.basket_id = :basket_id AND i.product_id = json_extract(line.value, '$.product_id')
WHERE true
ORDER BY json_extract(line.value, '$.position')
ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = q.quantity + excluded.quantity;
