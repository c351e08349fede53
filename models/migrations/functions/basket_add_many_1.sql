-- Adds many lines to the active basket of a buyer: all of them, with every rule kept, or nothing.
--
-- It does for tens to a thousand lines what basket_add_2 does for a few, by statements over all of
-- them: about a third of the time for 1,000 lines, and more for a single one. All that is said
-- there holds here.
--
-- Two pieces of product 1 for division 7, by hand:
--   SELECT * FROM basket_add_many_1(1, 7, 0, NULL, 'GRAPHQL', NULL, NULL,
--       now() - interval '1 day', now(), now() - interval '1 hour',
--       ARRAY[1], ARRAY[NULL], ARRAY[7], ARRAY[NULL], ARRAY[2], true);

CREATE OR REPLACE FUNCTION basket_add_many_1(
    buyer_id int,
    buyer_division_id int,
    in_segment int,
    expected_version int,         -- of the basket before, 0 when there is none; null for any
    in_origin text,               -- of the change: GRAPHQL or REST
    in_key text,                  -- the idempotency key, or null,
    in_digest text,               -- and the digest of the input
    expired_before timestamptz,   -- keys from before are forgotten
    changed_at timestamptz,
    confirmed_since timestamptz,  -- products last confirmed before are not added as they are known
    remote_ids int[],             -- the lines: each names a product by its remote id
    skus text[],                  -- or its SKU,
    division_ids int[],           -- and a division by its id
    erp_codes text[],             -- or its ERP code
    quantities int[],
    with_items boolean,
    OUT broken_rule text,         -- null when all are kept
    OUT known_digest text,        -- of a key that is known, for which nothing is done again
    OUT known_outcome text,
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
    matched_lines int;
    matches int;
    -- The lines of history, a list per column: one for each product and division.
    items bigint[];
    products bigint[];
    divisions int[];
    quantities_before int[];
    quantities_after bigint[];
    prices_before bigint[];
    prices_after bigint[];
    -- The sums that the rules are about, and what the change adds to those of the basket.
    highest_quantity bigint;
    item_count int;
    total_quantity bigint;
    added_items int;
    added_quantity bigint;
    added_amount bigint;
    currencies text[];
    currency_count int;
BEGIN
    IF in_key IS NOT NULL THEN
        SELECT k.known_digest, k.known_outcome INTO known_digest, known_outcome
        FROM basket_find_key_1(buyer_id, in_key, expired_before) AS k;
        IF known_digest IS NOT NULL THEN
            broken_rule := 'key';
            RETURN;
        END IF;
    END IF;

    SELECT b.* INTO opened
    FROM basket b
    WHERE b.user_id = buyer_id AND b.segment = in_segment AND b.status = 'ACTIVE'
    FOR UPDATE;
    -- The block writes nothing where there was a basket, so that its savepoint costs nothing.
    BEGIN
        IF opened.id IS NULL THEN
            -- There is none, or the one that this waited for is a draft now, and another was loaded.
            INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
            VALUES (buyer_id, in_segment, 'ACTIVE', 0, changed_at, changed_at)
            ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
            DO UPDATE SET version = basket.version
            RETURNING * INTO opened;
        END IF;
        WITH matched AS MATERIALIZED (
            SELECT line.place, line.quantity AS added, match.*
            FROM unnest(remote_ids, skus, division_ids, erp_codes, quantities)
                WITH ORDINALITY AS line(remote_id, sku, division_id, erp_code, quantity, place)
            CROSS JOIN LATERAL (
                SELECT
                    p.id AS product_id,
                    COALESCE(held.price, p.price) AS price,
                    COALESCE(held.currency, p.currency) AS currency,
                    d.id AS division_id,
                    held.id AS item_id
                FROM product p
                CROSS JOIN division d
                LEFT JOIN basket_item held
                    ON held.basket_id = opened.id AND held.product_id = p.id
                WHERE p.segment = in_segment
                    AND (p.remote_id = line.remote_id OR p.sku = line.sku)
                    AND p.is_available
                    -- As basket_add_2 says.
                    AND (
                        (p.owns_sku AND p.refreshed_at >= confirmed_since)
                        OR (held.id IS NOT NULL AND line.sku IS NULL)
                    )
                    AND (d.id = line.division_id OR d.erp_code = line.erp_code)
                    AND d.is_active
                    AND (d.id = buyer_division_id OR d.parent_id = buyer_division_id)
                -- The planner may not turn it round: each line is looked up in the indexes.
                OFFSET 0
            ) AS match
        ), merged AS (
            SELECT
                product_id, division_id, min(place) AS place, min(item_id) AS item_id,
                min(price) AS price, sum(added) AS added, count(*) AS matches
            FROM matched
            GROUP BY product_id, division_id
        ), known AS (
            SELECT merged.*, COALESCE(part.quantity, 0) AS quantity
            FROM merged
            LEFT JOIN LATERAL (
                SELECT part.quantity
                FROM basket_item_division part
                WHERE part.item_id = merged.item_id AND part.division_id = merged.division_id
                OFFSET 0
            ) AS part ON true
            -- History has the lines in the order in which the products and divisions came.
            ORDER BY merged.place
        )
        SELECT
            (SELECT count(DISTINCT place) FROM matched),
            (SELECT array_agg(DISTINCT currency) FROM matched),
            COALESCE(sum(matches), 0),
            array_agg(item_id), array_agg(product_id), array_agg(division_id),
            array_agg(quantity), array_agg(quantity + added),
            array_agg(CASE WHEN item_id IS NOT NULL THEN price END), array_agg(price),
            max(quantity + added),
            count(DISTINCT product_id) FILTER (WHERE item_id IS NULL),
            sum(added), sum(added * price)
        INTO
            matched_lines, currencies, matches,
            items, products, divisions,
            quantities_before, quantities_after, prices_before, prices_after,
            highest_quantity, added_items, added_quantity, added_amount
        FROM known;

        item_count := opened.item_count + added_items;
        total_quantity := opened.total_quantity + added_quantity;
        currency_count := cardinality(currencies);
        -- An item that is held keeps its currency, which is the basket's.
        IF opened.currency <> ALL (currencies) THEN
            currency_count := currency_count + 1;
        END IF;

        broken_rule := CASE
            -- A SKU that two products have for a while matches twice; an unknown product, or a
            -- division for which the buyer may not buy, not at all.
            WHEN matched_lines < cardinality(quantities) OR matches > matched_lines THEN 'lines'
            WHEN expected_version <> opened.version THEN 'version'
            WHEN NOT (highest_quantity <= 1000000) THEN 'quantity'
            WHEN NOT (item_count <= 10000) THEN 'item count'
            WHEN NOT (total_quantity <= 2147483647) THEN 'total quantity'
            WHEN NOT (currency_count <= 1) THEN 'currency'
        END;
        IF broken_rule IS NOT NULL THEN
            -- Caught below, it leaves no error in PostgreSQL's log.
            RAISE EXCEPTION SQLSTATE 'BR001';
        END IF;
    EXCEPTION
        WHEN SQLSTATE 'BR001' THEN
            RETURN;
    END;

    IF added_items > 0 THEN
        WITH added AS (
            INSERT INTO basket_item (basket_id, product_id, price, currency)
            SELECT opened.id, line.product_id, min(line.price), currencies[1]
            FROM unnest(products, prices_after, items)
                WITH ORDINALITY AS line(product_id, price, item_id, place)
            WHERE line.item_id IS NULL
            GROUP BY line.product_id
            -- The ids are drawn in this order, and items are shown in the order of their ids.
            ORDER BY min(line.place)
            RETURNING id, product_id
        )
        SELECT array_agg(COALESCE(line.item_id, added.id) ORDER BY line.place) INTO items
        FROM unnest(products, items) WITH ORDINALITY AS line(product_id, item_id, place)
        LEFT JOIN added ON added.product_id = line.product_id;
    END IF;
    -- The basket is locked, so nobody has added to these since they were read.
    INSERT INTO basket_item_division (item_id, division_id, quantity)
    SELECT line.item_id, line.division_id, line.quantity
    FROM unnest(items, divisions, quantities_after)
        WITH ORDINALITY AS line(item_id, division_id, quantity, place)
    ORDER BY line.place
    ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = excluded.quantity;

    opened := basket_record_1(
        opened, 'ITEMS_ADDED', buyer_id, in_origin, changed_at,
        added_items,
        added_quantity,
        added_amount,
        currencies[1],
        items, products, divisions,
        quantities_before, quantities_after::int[], prices_before, prices_after
    );
    IF in_key IS NOT NULL THEN
        PERFORM basket_store_outcome_1(buyer_id, in_key, in_digest, changed_at, opened, NULL);
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
