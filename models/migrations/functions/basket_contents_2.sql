-- The items of a basket as lists, one per column, without the times when products were confirmed.

CREATE OR REPLACE FUNCTION basket_contents_2(
    in_basket_id bigint,
    OUT division_revision bigint,
    OUT item_ids bigint[],
    OUT prices bigint[],
    OUT product_ids bigint[],
    OUT product_revisions bigint[],   -- in the order of the products
    OUT part_items bigint[],
    OUT part_divisions int[],
    OUT part_quantities int[]
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
BEGIN
    SELECT
        (SELECT revision FROM division_revision),
        array_agg(item.id), array_agg(item.price), array_agg(item.product_id),
        array_agg(item.revision ORDER BY item.product_id)
    INTO division_revision, item_ids, prices, product_ids, product_revisions
    FROM (
        SELECT i.id, i.price, i.product_id, p.revision
        FROM basket_item i
        -- Looked up one by one, whatever the statistics of the table are: see basket_contents_1.
        CROSS JOIN LATERAL (
            SELECT p.revision FROM product p WHERE p.id = i.product_id OFFSET 0
        ) AS p
        WHERE i.basket_id = in_basket_id
        -- All lists are made of these rows in this order, so that equal indexes are one item.
        ORDER BY i.id
    ) AS item;
    SELECT array_agg(part.item_id), array_agg(part.division_id), array_agg(part.quantity)
    INTO part_items, part_divisions, part_quantities
    FROM (
        SELECT q.item_id, q.division_id, q.quantity
        FROM unnest(item_ids) AS item (id)
        CROSS JOIN LATERAL (
            SELECT part.id, part.item_id, part.division_id, part.quantity
            FROM basket_item_division part
            WHERE part.item_id = item.id
            OFFSET 0
        ) AS q
        ORDER BY q.item_id, q.id
    ) AS part;
END
$$;
