-- The items of a basket as lists, one per column, as the statement `full` in
-- models/basket/read.sql gives them.

CREATE OR REPLACE FUNCTION basket_contents_1(
    in_basket_id bigint,
    OUT division_revision bigint,
    OUT item_ids bigint[],
    OUT prices bigint[],
    OUT product_ids bigint[],
    OUT product_revisions bigint[],
    OUT refreshed_at text[],
    OUT part_items bigint[],
    OUT part_divisions int[],
    OUT part_quantities int[]
)
LANGUAGE plpgsql
STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    SELECT
        (SELECT revision FROM division_revision),
        array_agg(item.id), array_agg(item.price), array_agg(item.product_id),
        array_agg(item.revision), array_agg(item.refreshed_at)
    INTO division_revision, item_ids, prices, product_ids, product_revisions, refreshed_at
    FROM (
        SELECT i.id, i.price, i.product_id, p.revision, p.refreshed_at::text AS refreshed_at
        FROM basket_item i
        JOIN product p ON p.id = i.product_id
        WHERE i.basket_id = in_basket_id
        -- All lists are made of these rows in this order, so that equal indexes are one item.
        ORDER BY i.id
    ) AS item;
    SELECT array_agg(part.item_id), array_agg(part.division_id), array_agg(part.quantity)
    INTO part_items, part_divisions, part_quantities
    FROM (
        SELECT q.item_id, q.division_id, q.quantity
        FROM basket_item i
        CROSS JOIN LATERAL (
            SELECT part.id, part.item_id, part.division_id, part.quantity
            FROM basket_item_division part
            WHERE part.item_id = i.id
            OFFSET 0
        ) AS q
        WHERE i.basket_id = in_basket_id
        ORDER BY q.id
    ) AS part;
END
$$;
