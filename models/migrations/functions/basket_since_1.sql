-- The changes of a basket after a version, and the items that their lines name; or all items, where
-- these are wanted, or where the changes do not reach back so far, cannot be read here, or are too
-- many. An item has a row per division here, and all is one text: for few items, which is the rule,
-- this takes half of the time of lists.

CREATE OR REPLACE FUNCTION basket_since_1(
    in_basket_id bigint,
    in_version int,               -- of the basket, in the snapshot of the statement
    since int,
    with_items boolean,
    maximum_lines int
)
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    change_lines text;
    change_line_count int;
    total_line_count int := 0;
    changes text[];
    named text[];                 -- the ids of items, as they stand in the lines
    has_all_items boolean := with_items OR since > in_version;
    item_ids bigint[];
    parts text;
    division_revision bigint;
BEGIN
    -- One by one, as there are few: the plan is the same for all numbers, and is made once. The
    -- newest first, as the oldest are swept.
    FOR number IN REVERSE in_version .. least(since, in_version) + 1 LOOP
        SELECT c.lines, c.line_count
        INTO change_lines, change_line_count
        FROM basket_change c
        WHERE c.basket_id = in_basket_id AND c.version = number;
        total_line_count := total_line_count + change_line_count;
        -- Null where the change is not stored any more.
        IF total_line_count IS NULL OR total_line_count > maximum_lines THEN
            has_all_items := true;
            changes := CASE WHEN total_line_count IS NULL THEN changes END;
            EXIT;
        END IF;
        changes := array_append(
            changes, concat('[', number, ',', COALESCE(change_lines, 'null'), ']')
        );
        -- As Python and as the functions write format 1.
        IF change_lines LIKE '{"format" : 1,%' OR change_lines LIKE '{"format":1,%' THEN
            named := array_append(named, btrim(change_lines::json ->> 'items', '[]'));
        ELSIF change_lines IS NOT NULL THEN
            has_all_items := true;
        END IF;
    END LOOP;
    IF has_all_items THEN
        item_ids := ARRAY(SELECT i.id FROM basket_item i WHERE i.basket_id = in_basket_id);
    ELSE
        item_ids := '{' || array_to_string(named, ',') || '}';
    END IF;
    SELECT json_agg(json_build_array(
        i.id, q.id, i.price, p.id, p.revision, p.refreshed_at::text, q.division_id, q.quantity
    ))::text, (SELECT revision FROM division_revision)
    INTO parts, division_revision
    FROM basket_item i
    -- Looked up one by one: OFFSET keeps the planner from other ways, which it would find where the
    -- statistics are of a time when the tables had no rows.
    CROSS JOIN LATERAL (
        SELECT product.id, product.revision, product.refreshed_at
        FROM product
        WHERE product.id = i.product_id
        OFFSET 0
    ) AS p
    CROSS JOIN LATERAL (
        SELECT part.id, part.division_id, part.quantity
        FROM basket_item_division part
        WHERE part.item_id = i.id
        OFFSET 0
    ) AS q
    -- By the sub-query the planner knows nothing of the list, for which it would make a new plan
    -- each time.
    WHERE i.id = ANY((SELECT item_ids)::bigint[]);
    RETURN concat(
        '{"changes":[', array_to_string(changes, ','),
        '],"has_all_items":', has_all_items::text,
        ',"division_revision":', division_revision,
        ',"parts":', COALESCE(parts, '[]'), '}'
    );
END
$$;
