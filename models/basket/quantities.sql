-- Setting many quantities of a locked basket: each statement takes all lines as one JSON text.
-- By hand: \set basket_id 1 and
-- \set parts '''[{"position": 0, "item_id": 1, "division_id": 1, "quantity": 2}]'''

-- name: held_parts (postgres)
-- All quantities of a basket. The divisions of each item are looked up, as models/basket/read.sql
-- explains.
SELECT i.id AS item_id, i.product_id, i.price, q.division_id, q.quantity
FROM basket_item i
CROSS JOIN LATERAL (
    SELECT part.id, part.division_id, part.quantity
    FROM basket_item_division part
    WHERE part.item_id = i.id
    OFFSET 0
) AS q
WHERE i.basket_id = :basket_id
ORDER BY i.id, q.id;

-- name: held_parts (sqlite)
SELECT i.id AS item_id, i.product_id, i.price, q.division_id, q.quantity
FROM basket_item i
JOIN basket_item_division q ON q.item_id = i.id
WHERE i.basket_id = :basket_id
ORDER BY i.id, q.id;

-- name: set_quantities (postgres)
-- Sets the quantities of items for divisions, whether they had one or not.
INSERT INTO basket_item_division (item_id, division_id, quantity)
SELECT part.item_id, part.division_id, part.quantity
FROM jsonb_to_recordset(:parts::jsonb)
    AS part(position int, item_id bigint, division_id int, quantity int)
-- The divisions of an item are shown in the order of these ids.
ORDER BY part.position
ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = excluded.quantity;

-- name: set_quantities (sqlite)
-- WHERE true tells the ON of a join from that of a conflict.
INSERT INTO basket_item_division (item_id, division_id, quantity)
SELECT
    json_extract(part.value, '$.item_id'),
    json_extract(part.value, '$.division_id'),
    json_extract(part.value, '$.quantity')
FROM json_each(:parts) AS part
WHERE true
ORDER BY json_extract(part.value, '$.position')
ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = excluded.quantity;

-- name: remove_quantities (postgres)
-- Removes divisions from items that keep others.
DELETE FROM basket_item_division WHERE id = ANY(:part_ids::bigint[]);

-- name: remove_quantities (sqlite)
DELETE FROM basket_item_division WHERE id IN (SELECT value FROM json_each(:part_ids));

-- name: remove_items (postgres)
-- Removes items with all their divisions. No condition on the basket: PostgreSQL might search all
-- of the list for each item of the basket.
DELETE FROM basket_item WHERE id = ANY(:item_ids::bigint[]);

-- name: remove_items (sqlite)
DELETE FROM basket_item WHERE id IN (SELECT value FROM json_each(:item_ids));
