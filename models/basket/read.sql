-- Reading baskets: one row per basket, with its columns as one JSON object, so that a new column
-- needs no other statement.
-- By hand: psql -v condition="b.id = 1" -v order="b.id" -v items="" (PostgreSQL only).

-- name: full (postgres)
-- The items as lists, one per column, which cost PostgreSQL and the driver two thirds of a row per
-- item. Of products and divisions they have the ids and the revisions; the rest is cached.
-- One statement is one snapshot: revisions, prices and quantities of one point in time.
SELECT
    row_to_json(b)::text AS basket,
    (SELECT revision FROM division_revision) AS division_revision,
    items.*,
    parts.*
FROM basket b
LEFT JOIN LATERAL (
    SELECT
        array_agg(item.id) AS item_ids,
        array_agg(item.price) AS prices,
        array_agg(item.product_id) AS product_ids,
        array_agg(item.revision) AS product_revisions,
        array_agg(item.refreshed_at) AS refreshed_at
    FROM (
        SELECT i.id, i.price, i.product_id, p.revision, p.refreshed_at::text
        FROM basket_item i
        JOIN product p ON p.id = i.product_id
        WHERE i.basket_id = b.id :items
        -- All arrays are made of these rows in this order, so that equal indexes are one item.
        ORDER BY i.id
    ) AS item
) AS items ON true
LEFT JOIN LATERAL (
    SELECT
        array_agg(part.item_id) AS part_items,
        array_agg(part.division_id) AS part_divisions,
        array_agg(part.quantity) AS part_quantities
    FROM (
        SELECT q.item_id, q.division_id, q.quantity
        FROM basket_item i
        -- The divisions of each item are looked up: OFFSET keeps the planner from beginning with
        -- them. It would where the statistics are of a time when the table had no rows, and read
        -- the whole basket for each row: minutes for a large one.
        CROSS JOIN LATERAL (
            SELECT part.id, part.item_id, part.division_id, part.quantity
            FROM basket_item_division part
            WHERE part.item_id = i.id
            OFFSET 0
        ) AS q
        WHERE i.basket_id = b.id :items
        ORDER BY q.id
    ) AS part
) AS parts ON true
WHERE :condition
ORDER BY :order;

-- name: full (sqlite)
-- SQLite has no arrays but those of JSON. Divisions have no revision there: they are read anew.
SELECT
    :basket_object AS basket,
    NULL AS division_revision,
    (
        SELECT json_group_array(json_array(
            item.id, item.price, item.product_id, item.revision, item.refreshed_at
        ))
        FROM (
            SELECT i.id, i.price, i.product_id, p.revision, p.refreshed_at
            FROM basket_item i
            JOIN product p ON p.id = i.product_id
            WHERE i.basket_id = b.id :items
            ORDER BY i.id
        ) AS item
    ) AS items,
    (
        SELECT json_group_array(json_array(part.item_id, part.division_id, part.quantity))
        FROM (
            SELECT q.item_id, q.division_id, q.quantity
            FROM basket_item i
            JOIN basket_item_division q ON q.item_id = i.id
            WHERE i.basket_id = b.id :items
            ORDER BY q.id
        ) AS part
    ) AS parts
FROM basket b
WHERE :sqlite_condition
ORDER BY :order;

-- name: since (postgres)
-- The changes after a version, and the items that their lines name; or all items, where these are
-- wanted, or where the changes do not reach back so far, cannot be read here, or are too many.
-- At the version itself, which most clients have that ask, nothing else is read or prepared.
SELECT
    row_to_json(b)::text AS basket,
    CASE WHEN b.version <> :since OR :with_items::boolean
        THEN basket_since_1(b.id, b.version, :since, :with_items, :maximum_lines)
    END AS since
FROM basket b
WHERE :condition
ORDER BY :order;

-- name: since (sqlite)
SELECT
    :basket_object AS basket,
    CASE WHEN b.version <> :since OR :with_items THEN json_object(
        'changes', (
            SELECT json_group_array(json_array(change.version, json(change.lines)))
            FROM (
                SELECT c.version, c.lines
                FROM basket_change c
                WHERE c.basket_id = b.id AND c.version > :since
                    AND b.changed_lines <= :maximum_lines
                ORDER BY c.version
            ) AS change
        ),
        'has_all_items', b.has_all_items,
        'division_revision', NULL,
        'parts', (
            SELECT json_group_array(json_array(
                i.id, q.id, i.price, p.id, p.revision, p.refreshed_at, q.division_id, q.quantity
            ))
            -- The ids are found first: as a condition of each item, all lines would be read for
            -- each.
            FROM (
                SELECT held.id
                FROM basket_item held
                WHERE held.basket_id = b.id AND b.has_all_items
                UNION
                SELECT named.value
                FROM basket_change c, json_each(c.lines, '$.items') AS named
                WHERE c.basket_id = b.id AND c.version > :since AND NOT b.has_all_items
            ) AS chosen
            CROSS JOIN basket_item i ON i.id = chosen.id AND i.basket_id = b.id
            JOIN product p ON p.id = i.product_id
            JOIN basket_item_division q ON q.item_id = i.id
        )
    ) END AS since
FROM (
    SELECT
        b.*,
        (
            SELECT COALESCE(SUM(c.line_count), 0)
            FROM basket_change c
            WHERE c.basket_id = b.id AND c.version > :since
        ) AS changed_lines,
        (
            SELECT
                :with_items
                OR COUNT(*) <> b.version - :since
                OR COALESCE(SUM(c.line_count), 0) > :maximum_lines
                OR COALESCE(MAX(json_extract(c.lines, '$.format') <> :known_format), false)
            FROM basket_change c
            WHERE c.basket_id = b.id AND c.version > :since
        ) AS has_all_items
    FROM basket b
    WHERE :sqlite_condition
) AS b
ORDER BY :order;

-- name: summary (postgres)
-- Without the items: the totals are columns.
SELECT row_to_json(b)::text AS basket
FROM basket b
WHERE :condition
ORDER BY :order;

-- name: summary (sqlite)
SELECT :basket_object AS basket
FROM basket b
WHERE :sqlite_condition
ORDER BY :order;

-- name: count_drafts
SELECT COUNT(*) AS count FROM basket WHERE user_id = :user_id AND status = 'DRAFT';

-- name: draft_since
-- Whether there is a draft at a position or saved later.
SELECT 1
FROM basket
WHERE user_id = :user_id AND status = 'DRAFT' AND (saved_at, id) >= (:saved_at, :basket_id)
LIMIT 1;

-- name: draft_until
-- Whether there is a draft at a position or saved earlier.
SELECT 1
FROM basket
WHERE user_id = :user_id AND status = 'DRAFT' AND (saved_at, id) <= (:saved_at, :basket_id)
LIMIT 1;
