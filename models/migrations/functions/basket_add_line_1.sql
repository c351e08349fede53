-- Adds one line to the active basket of a buyer, with every rule kept, or nothing.
--
-- Most additions have one line, for which lists, loops and calls of other functions would take a
-- third of the time more. For several lines, and for a buyer's first line, there is basket_add_3;
-- what it says of versions, rights and rules is true here too. First this locks, reads and checks;
-- only then does it write.
--
-- Two pieces of product 1 for division 7, by hand:
--   SELECT * FROM basket_add_line_1(1, 7, 0, NULL, 'GRAPHQL', NULL, NULL, now() - interval '1 day',
--       now(), now() - interval '1 hour', 1, NULL, 7, NULL, 2, true, false, NULL, NULL, NULL);

CREATE OR REPLACE FUNCTION basket_add_line_1(
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
    in_remote_id int,             -- the line names a product by its remote id
    in_sku text,                  -- or its SKU,
    in_division_id int,           -- and a division by its id
    in_erp_code text,             -- or its ERP code
    in_quantity int,
    with_items boolean,
    with_refreshed_at boolean,    -- the times when products were confirmed, too
    known_basket bigint,          -- the basket that the caller has in memory, or null,
    known_version int,            -- at which version
    known_updated_at text,        -- and from when, which tells it from one of a restored backup
    OUT broken_rule text,         -- null when all are kept
    OUT known_digest text,        -- of a key that is known, for which nothing is done again
    OUT known_outcome text,
    OUT basket text,
    OUT is_difference boolean,    -- whether the lists have what changed since the known version,
    OUT division_revision bigint,
    OUT item_ids bigint[],        -- which is one entry; else they have all items,
    OUT prices bigint[],          -- as basket_contents_1 or basket_contents_2 gives them
    OUT product_ids bigint[],
    OUT product_revisions bigint[],   -- of all items, in a difference in the order of products
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
    changed basket;
    named_remote_id int := in_remote_id;
    named_division_id int := in_division_id;
    match record;
    item_id bigint;
    price_before bigint;
    -- The sums that the rules are about.
    highest_quantity bigint;
    item_count int;
    total_quantity bigint;
    currency_count int := 1;
BEGIN
    IF in_key IS NOT NULL THEN
        -- As basket_find_key_1: a second request with the same key waits here for the first.
        PERFORM pg_advisory_xact_lock(buyer_id, hashtext(in_key));
        -- A statement of its own, which sees what was committed while the one before it waited.
        SELECT k.digest, k.outcome INTO known_digest, known_outcome
        FROM idempotency_key k
        WHERE k.user_id = buyer_id AND k.key = in_key AND k.created_at >= expired_before;
        IF known_digest IS NOT NULL THEN
            broken_rule := 'key';
            RETURN;
        END IF;
    END IF;

    SELECT b.* INTO opened
    FROM basket b
    WHERE b.user_id = buyer_id AND b.segment = in_segment AND b.status = 'ACTIVE'
    FOR UPDATE;
    IF NOT FOUND THEN
        -- There is none, or the one that this waited for is a draft now, and another was loaded.
        SELECT added.* INTO
            broken_rule, known_digest, known_outcome, basket, is_difference, division_revision,
            item_ids, prices, product_ids, product_revisions, refreshed_at,
            part_items, part_divisions, part_quantities
        FROM basket_add_3(
            buyer_id, buyer_division_id, in_segment, expected_version, in_origin,
            in_key, in_digest, expired_before, changed_at, confirmed_since,
            ARRAY[in_remote_id], ARRAY[in_sku], ARRAY[in_division_id], ARRAY[in_erp_code],
            ARRAY[in_quantity], with_items, with_refreshed_at, NULL, NULL, NULL
        ) AS added;
        RETURN;
    END IF;

    -- Other names become ids first: one index finds a row sooner than two that are combined.
    IF in_sku IS NOT NULL THEN
        -- A SKU that two products have for a while is for the slow path.
        named_remote_id := (
            SELECT min(p.remote_id)
            FROM product p
            WHERE p.segment = in_segment AND p.sku = in_sku AND p.owns_sku
            HAVING count(*) = 1
        );
    END IF;
    IF in_erp_code IS NOT NULL THEN
        named_division_id := (SELECT d.id FROM division d WHERE d.erp_code = in_erp_code);
    END IF;
    SELECT
        p.id AS product_id,
        COALESCE(held.price, p.price) AS price,
        COALESCE(held.currency, p.currency) AS currency,
        d.id AS division_id,
        held.id AS item_id,
        part.id AS part_id,
        COALESCE(part.quantity, 0) AS quantity
    INTO match
    FROM product p
    CROSS JOIN division d
    LEFT JOIN basket_item held ON held.basket_id = opened.id AND held.product_id = p.id
    LEFT JOIN basket_item_division part ON part.item_id = held.id AND part.division_id = d.id
    WHERE p.segment = in_segment
        AND p.remote_id = named_remote_id
        AND p.is_available
        -- A SKU may have moved to another product since Commerce was asked, also one that
        -- the basket holds; a held product named by its remote id is added as it is known.
        AND (
            (p.owns_sku AND p.refreshed_at >= confirmed_since)
            OR (held.id IS NOT NULL AND in_sku IS NULL)
        )
        AND d.id = named_division_id
        AND d.is_active
        AND (d.id = buyer_division_id OR d.parent_id = buyer_division_id);
    IF NOT FOUND THEN
        broken_rule := 'lines';
        RETURN;
    END IF;

    highest_quantity := match.quantity + in_quantity;
    item_count := opened.item_count + (match.item_id IS NULL)::int;
    total_quantity := opened.total_quantity + in_quantity;
    IF match.currency <> opened.currency THEN
        currency_count := 2;
    END IF;
    broken_rule := CASE
        WHEN expected_version <> opened.version THEN 'version'
        WHEN NOT (highest_quantity <= 1000000) THEN 'quantity'
        WHEN NOT (item_count <= 10000) THEN 'item count'
        WHEN NOT (total_quantity <= 2147483647) THEN 'total quantity'
        WHEN NOT (currency_count <= 1) THEN 'currency'
    END;
    IF broken_rule IS NOT NULL THEN
        RETURN;
    END IF;

    IF match.item_id IS NULL THEN
        INSERT INTO basket_item (basket_id, product_id, price, currency)
        VALUES (opened.id, match.product_id, match.price, match.currency)
        RETURNING id INTO item_id;
    ELSE
        item_id := match.item_id;
        price_before := match.price;
    END IF;
    IF match.part_id IS NULL THEN
        INSERT INTO basket_item_division (item_id, division_id, quantity)
        VALUES (item_id, match.division_id, highest_quantity);
    ELSE
        UPDATE basket_item_division SET quantity = highest_quantity WHERE id = match.part_id;
    END IF;

    UPDATE basket AS b
    SET
        version = b.version + 1,
        updated_at = changed_at,
        item_count = b.item_count + (match.item_id IS NULL)::int,
        total_quantity = b.total_quantity + in_quantity,
        total_amount = b.total_amount + match.price * in_quantity,
        currency = match.currency
    WHERE b.id = opened.id
    RETURNING b.* INTO changed;
    -- As basket_record_1 writes it, for which lists of one entry would take longer.
    INSERT INTO basket_change (
        basket_id, version, kind, origin, user_id, created_at,
        currency, total_amount, total_quantity, line_count, lines
    )
    VALUES (
        changed.id, changed.version, 'ITEMS_ADDED', in_origin, buyer_id, changed_at,
        changed.currency, changed.total_amount, changed.total_quantity, 1,
        json_build_object(
            'format', 1,
            'currency_before', opened.currency,
            'items', ARRAY[item_id],
            'products', ARRAY[match.product_id],
            'divisions', ARRAY[match.division_id],
            'quantities_before', ARRAY[match.quantity],
            'quantities_after', ARRAY[highest_quantity],
            'prices_before', ARRAY[price_before],
            'prices_after', ARRAY[match.price]
        )::text
    );
    IF in_key IS NOT NULL THEN
        -- As basket_store_outcome_1, without ids of removed items.
        INSERT INTO idempotency_key (user_id, key, digest, outcome, created_at)
        VALUES (
            buyer_id, in_key, in_digest,
            json_build_object('format', 2, 'basket', changed.id, 'version', changed.version)::text,
            changed_at
        )
        -- The key of an expired outcome.
        ON CONFLICT (user_id, key) DO UPDATE SET
            digest = excluded.digest, outcome = excluded.outcome, created_at = excluded.created_at;
    END IF;

    basket := row_to_json(changed);
    is_difference := COALESCE(
        opened.id = known_basket
        AND opened.version = known_version
        AND to_json(opened.updated_at) #>> '{}' = known_updated_at,
        false
    );
    IF is_difference THEN
        item_ids := ARRAY[item_id];
        prices := ARRAY[match.price];
        product_ids := ARRAY[match.product_id];
        part_divisions := ARRAY[match.division_id];
        part_quantities := ARRAY[highest_quantity];
        IF with_items THEN
            division_revision := (SELECT revision FROM division_revision);
            product_revisions := ARRAY(
                SELECT p.revision
                FROM basket_item i
                JOIN product p ON p.id = i.product_id
                WHERE i.basket_id = opened.id
                ORDER BY i.product_id
            );
        END IF;
    ELSIF with_items AND NOT with_refreshed_at THEN
        SELECT c.* INTO
            division_revision, item_ids, prices, product_ids, product_revisions,
            part_items, part_divisions, part_quantities
        FROM basket_contents_2(opened.id) AS c;
    ELSIF with_items THEN
        SELECT c.* INTO
            division_revision, item_ids, prices, product_ids, product_revisions, refreshed_at,
            part_items, part_divisions, part_quantities
        FROM basket_contents_1(opened.id) AS c;
    END IF;
END
$$;
