-- Sets the quantity of a product of the active basket for one division, or removes the product for
-- all of them, with every rule kept; or changes nothing. See basket_add_2.sql, which has the same
-- order of steps: the key, the lock, all reads and checks, and only then the writes.
--
-- Five pieces of product 1 for division 7, by hand:
--   SELECT * FROM basket_item_change_1(1, 7, 0, NULL, 'GRAPHQL', NULL, NULL,
--       now() - interval '1 day', now(), 1, 7, 5, true);

CREATE OR REPLACE FUNCTION basket_item_change_1(
    buyer_id int,
    buyer_division_id int,
    in_segment int,
    expected_version int,
    in_origin text,
    in_key text,
    in_digest text,
    expired_before timestamptz,
    changed_at timestamptz,
    in_remote_id int,
    in_division_id int,           -- null removes the product for all divisions
    new_quantity int,
    with_items boolean,
    OUT broken_rule text,         -- null when all are kept
    OUT known_digest text,
    OUT known_outcome text,
    OUT removed_item_id bigint,   -- the item, when it is no longer in the basket
    OUT basket text,
    OUT division_revision bigint,
    OUT item_ids bigint[],        -- the items, as basket_contents_1 gives them
    OUT prices bigint[],
    OUT product_ids bigint[],
    OUT product_revisions bigint[],
    OUT refreshed_at text[],
    OUT part_items bigint[],
    OUT part_divisions int[],
    OUT part_quantities int[]
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
    opened basket;
    item record;
    is_active boolean;
    part_ids bigint[];
    divisions int[];
    quantities_before int[];
    quantities_after int[];
    added_quantity bigint;
    line_count int;
BEGIN
    IF in_key IS NOT NULL THEN
        SELECT k.known_digest, k.known_outcome INTO known_digest, known_outcome
        FROM basket_find_key_1(buyer_id, in_key, expired_before) AS k;
        IF known_digest IS NOT NULL THEN
            broken_rule := 'key';
            RETURN;
        END IF;
    END IF;

    -- Without a basket there is no item below. One that a load in progress makes active is found by
    -- the slow path.
    SELECT b.* INTO opened
    FROM basket b
    WHERE b.user_id = buyer_id AND b.segment = in_segment AND b.status = 'ACTIVE'
    FOR UPDATE;
    SELECT i.id, i.product_id, i.price, p.is_available INTO item
    FROM basket_item i
    JOIN product p ON p.id = i.product_id
    WHERE i.basket_id = opened.id AND p.remote_id = in_remote_id;
    -- What is rejected is for the slow path, which says why.
    IF NOT FOUND OR expected_version <> opened.version THEN
        broken_rule := 'lines';
        RETURN;
    END IF;

    SELECT array_agg(q.id), array_agg(q.division_id), array_agg(q.quantity)
    INTO part_ids, divisions, quantities_before
    FROM (
        SELECT id, division_id, quantity
        FROM basket_item_division
        WHERE item_id = item.id AND (in_division_id IS NULL OR division_id = in_division_id)
        ORDER BY id
    ) AS q;
    IF in_division_id IS NULL THEN
        quantities_after := array_fill(0, ARRAY[cardinality(part_ids)]);
    ELSE
        SELECT d.is_active INTO is_active
        FROM division d
        WHERE d.id = in_division_id
            AND (d.id = buyer_division_id OR d.parent_id = buyer_division_id);
        IF NOT FOUND
            OR (new_quantity > 0 AND NOT is_active)
            OR (new_quantity = 0 AND part_ids IS NULL)
            OR (NOT item.is_available AND new_quantity > COALESCE(quantities_before[1], 0))
        THEN
            broken_rule := 'lines';
            RETURN;
        END IF;
        divisions := ARRAY[in_division_id];
        quantities_before := COALESCE(quantities_before, ARRAY[0]);
        quantities_after := ARRAY[new_quantity];
    END IF;
    SELECT SUM(part.after - part.before) INTO added_quantity
    FROM unnest(quantities_before, quantities_after) AS part(before, after);
    IF opened.total_quantity + added_quantity > 2147483647 THEN
        broken_rule := 'total quantity';
        RETURN;
    END IF;

    IF quantities_after <> quantities_before THEN
        IF new_quantity = 0 AND NOT EXISTS (
            SELECT 1 FROM basket_item_division
            WHERE item_id = item.id AND id <> ALL (part_ids)
        ) THEN
            removed_item_id := item.id;
            DELETE FROM basket_item WHERE id = item.id;
        ELSIF new_quantity = 0 THEN
            DELETE FROM basket_item_division WHERE id = part_ids[1];
        ELSIF part_ids IS NULL THEN
            INSERT INTO basket_item_division (item_id, division_id, quantity)
            VALUES (item.id, in_division_id, new_quantity);
        ELSE
            UPDATE basket_item_division SET quantity = new_quantity WHERE id = part_ids[1];
        END IF;
        line_count := cardinality(divisions);
        opened := basket_record_1(
            opened,
            CASE WHEN in_division_id IS NULL THEN 'ITEM_REMOVED' ELSE 'ITEM_UPDATED' END,
            buyer_id, in_origin, changed_at,
            CASE WHEN removed_item_id IS NULL THEN 0 ELSE -1 END,
            added_quantity,
            added_quantity * item.price,
            opened.currency,
            array_fill(item.id, ARRAY[line_count]),
            array_fill(item.product_id, ARRAY[line_count]),
            divisions, quantities_before, quantities_after,
            array_fill(item.price, ARRAY[line_count]),
            array_fill(
                CASE WHEN removed_item_id IS NULL THEN item.price END, ARRAY[line_count]
            )
        );
    END IF;
    IF in_key IS NOT NULL THEN
        PERFORM basket_store_outcome_1(
            buyer_id, in_key, in_digest, changed_at, opened,
            CASE WHEN removed_item_id IS NOT NULL THEN ARRAY[removed_item_id] END
        );
    END IF;
    basket := row_to_json(opened);
    IF with_items THEN
        SELECT c.* INTO
            division_revision, item_ids, prices, product_ids, product_revisions, refreshed_at,
            part_items, part_divisions, part_quantities
        FROM basket_contents_1(opened.id) AS c;
    END IF;
END
$$;
