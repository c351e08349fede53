-- The states of baskets: what tells whether a read of them would give the same as before.
-- By hand (PostgreSQL only): psql -v condition="b.user_id = subject.user_id" -v order="b.id", and
-- \set users '''{1}''' and \set numbers '''{0}''' and \set with_items true

-- name: states (postgres)
-- A version fixes the rows of a basket and of its items; what these show of products and divisions
-- has revisions. `updated_at` tells versions apart that have one number, as after a restored backup.
SELECT
    subject.position,
    b.id,
    b.version,
    b.updated_at,
    CASE WHEN :with_items THEN ARRAY(
        SELECT p.revision
        FROM basket_item i
        JOIN product p ON p.id = i.product_id
        WHERE i.basket_id = b.id
        -- Products stand in this order in the index of a basket's items, which is all that is read.
        ORDER BY i.product_id
    ) END AS product_revisions,
    CASE WHEN :with_items THEN (SELECT revision FROM division_revision) END AS division_revision
FROM unnest(:users::int[], :numbers::bigint[])
    WITH ORDINALITY AS subject (user_id, number, position)
-- Looked up one by one: the planner knows nothing of the size of the lists, and OFFSET keeps it
-- from reading all baskets instead.
CROSS JOIN LATERAL (
    SELECT b.id, b.segment, b.version, to_json(b.updated_at) #>> '{}' AS updated_at
    FROM basket b
    WHERE :condition
    OFFSET 0
) AS b
ORDER BY subject.position, :order;

-- name: states (sqlite)
-- Divisions have no revision here, and their columns stand for themselves.
SELECT
    subject.key + 1 AS position,
    b.id,
    b.version,
    b.updated_at,
    CASE WHEN :with_items THEN (
        SELECT json_group_array(item.revision)
        FROM (
            SELECT p.revision
            FROM basket_item i
            JOIN product p ON p.id = i.product_id
            WHERE i.basket_id = b.id
            ORDER BY i.product_id
        ) AS item
    ) END AS product_revisions,
    CASE WHEN :with_items THEN (
        SELECT json_group_array(json_array(json(shown.division), json(shown.parent)))
        FROM (
            SELECT :division AS division, :parent AS parent
            FROM division d
            LEFT JOIN division m ON m.id = d.parent_id
            WHERE d.id IN (
                SELECT part.division_id
                FROM basket_item i
                JOIN basket_item_division part ON part.item_id = i.id
                WHERE i.basket_id = b.id
            )
            ORDER BY d.id
        ) AS shown
    ) END AS division_revision
FROM json_each(:subjects) AS subject
JOIN basket b ON :sqlite_condition
ORDER BY subject.key, :order;

-- name: delta_states (postgres)
-- The same for deltas: of products, they show those that are named.
SELECT
    subject.position,
    b.id,
    b.version,
    b.updated_at,
    ARRAY(
        SELECT p.revision
        FROM product p
        WHERE p.id = ANY(subject.products::bigint[])
        ORDER BY p.id
    ) AS product_revisions,
    (SELECT revision FROM division_revision) AS division_revision
FROM unnest(:users::int[], :numbers::bigint[], :products::text[])
    WITH ORDINALITY AS subject (user_id, number, products, position)
CROSS JOIN LATERAL (
    SELECT b.id, b.segment, b.version, to_json(b.updated_at) #>> '{}' AS updated_at
    FROM basket b
    WHERE :condition
    OFFSET 0
) AS b
ORDER BY subject.position, :order;
