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
BEGIN
    IF in_key IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(buyer_id, hashtext(in_key));
        SELECT k.digest, k.outcome INTO known_digest, known_outcome
        FROM idempotency_key k
        WHERE k.user_id = buyer_id AND k.key = in_key AND k.created_at >= expired_before;
        IF FOUND THEN
            broken_rule := 'key';
            RETURN;
        END IF;
    END IF;

    opened := basket_open_1(buyer_id, in_segment, changed_at);
    IF opened.version = 0 THEN
        DELETE FROM basket WHERE id = opened.id;
        broken_rule := 'lines';
        RETURN;
    END IF;
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
    SELECT SUM(a.quantity) INTO added_quantity FROM unnest(quantities_after) AS a(quantity);
    SELECT added_quantity - SUM(b.quantity) INTO added_quantity
    FROM unnest(quantities_before) AS b(quantity);
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
        opened := basket_record_1(
            opened.id,
            CASE WHEN in_division_id IS NULL THEN 'ITEM_REMOVED' ELSE 'ITEM_UPDATED' END,
            buyer_id, in_origin, changed_at,
            CASE WHEN removed_item_id IS NULL THEN 0 ELSE -1 END,
            added_quantity,
            added_quantity * item.price,
            opened.currency,
            cardinality(divisions),
            json_build_object(
                'format', 1,
                'currency_before', opened.currency,
                'items', array_fill(item.id, ARRAY[cardinality(divisions)]),
                'products', array_fill(item.product_id, ARRAY[cardinality(divisions)]),
                'divisions', divisions,
                'quantities_before', quantities_before,
                'quantities_after', quantities_after,
                'prices_before', array_fill(item.price, ARRAY[cardinality(divisions)]),
                'prices_after', array_fill(
                    CASE WHEN removed_item_id IS NULL THEN item.price END,
                    ARRAY[cardinality(divisions)]
                )
            )::text
        );
    END IF;
    IF in_key IS NOT NULL THEN
        INSERT INTO idempotency_key (user_id, key, digest, outcome, created_at)
        VALUES (
            buyer_id, in_key, in_digest,
            json_strip_nulls(json_build_object(
                'format', 2,
                'basket', opened.id,
                'version', opened.version,
                'removed',
                CASE WHEN removed_item_id IS NOT NULL THEN ARRAY[removed_item_id] END
            ))::text,
            changed_at
        )
        ON CONFLICT (user_id, key)
        DO UPDATE SET
            digest = excluded.digest, outcome = excluded.outcome, created_at = excluded.created_at;
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
