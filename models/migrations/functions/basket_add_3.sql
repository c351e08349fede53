-- Adds lines to the active basket of a buyer: all of them, with every rule kept, or nothing.
--
-- Servers call it by its name with the version, so that old and new ones run side by side: a change
-- goes into a function with the next number, and this one stays as it is. It is a transaction by
-- itself, with the rights of the caller, so it works behind poolers and for a role that may only
-- read and write. The rules are those of models/basket/rules.py, under the same names.
--
-- First it locks, reads and checks; only then does it write. So a broken rule leaves nothing to undo
-- but a basket that was made for the lock, and the block around them undoes that.
--
-- Two pieces of product 1 for division 7, by hand:
--   SELECT * FROM basket_add_3(1, 7, 0, NULL, 'GRAPHQL', NULL, NULL, now() - interval '1 day',
--       now(), now() - interval '1 hour',
--       ARRAY[1], ARRAY[NULL], ARRAY[7], ARRAY[NULL], ARRAY[2], true, false, NULL, NULL, NULL);

CREATE OR REPLACE FUNCTION basket_add_3(
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
    OUT item_ids bigint[],        -- an entry per product and division; else they have all items,
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
    line int;
    match record;
    item_id bigint;
    place int;
    pair bigint;
    -- The lines of history, a list per column: one for each product and division.
    items bigint[] := '{}';
    products bigint[] := '{}';
    divisions int[] := '{}';
    quantities_before int[] := '{}';
    quantities_after int[] := '{}';
    prices_before bigint[] := '{}';
    prices_after bigint[] := '{}';
    parts bigint[] := '{}';
    pairs bigint[] := '{}';
    -- The sums that the rules are about.
    highest_quantity bigint := 0;
    item_count int;
    total_quantity bigint;
    total_amount bigint;
    common_currency text;
    currency_count int := 1;
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
        item_count := opened.item_count;
        total_quantity := opened.total_quantity;
        total_amount := opened.total_amount;
        common_currency := opened.currency;
        is_difference := COALESCE(
            opened.id = known_basket
            AND opened.version = known_version
            AND to_json(opened.updated_at) #>> '{}' = known_updated_at,
            false
        );

        FOR line IN 1 .. cardinality(quantities) LOOP
            -- STRICT: a SKU that two products have for a while, or a line without a product that is
            -- known, or a division for which the buyer may not buy, is for the slow path.
            SELECT
                p.id AS product_id,
                COALESCE(held.price, p.price) AS price,
                COALESCE(held.currency, p.currency) AS currency,
                d.id AS division_id,
                held.id AS item_id,
                part.id AS part_id,
                COALESCE(part.quantity, 0) AS quantity
            INTO STRICT match
            FROM product p
            CROSS JOIN division d
            LEFT JOIN basket_item held ON held.basket_id = opened.id AND held.product_id = p.id
            LEFT JOIN basket_item_division part
                ON part.item_id = held.id AND part.division_id = d.id
            WHERE p.segment = in_segment
                AND (p.remote_id = remote_ids[line] OR p.sku = skus[line])
                AND p.is_available
                -- A SKU may have moved to another product since Commerce was asked, also one that
                -- the basket holds; a held product named by its remote id is added as it is known.
                AND (
                    (p.owns_sku AND p.refreshed_at >= confirmed_since)
                    OR (held.id IS NOT NULL AND skus[line] IS NULL)
                )
                AND (d.id = division_ids[line] OR d.erp_code = erp_codes[line])
                AND d.is_active
                AND (d.id = buyer_division_id OR d.parent_id = buyer_division_id);

            -- One number stands for the product and the division.
            pair := (match.product_id << 31) | match.division_id;
            place := array_position(pairs, pair);
            IF place IS NULL THEN
                IF match.item_id IS NULL AND match.product_id <> ALL (products) THEN
                    item_count := item_count + 1;
                END IF;
                place := cardinality(pairs) + 1;
                pairs[place] := pair;
                items[place] := match.item_id;
                parts[place] := match.part_id;
                products[place] := match.product_id;
                divisions[place] := match.division_id;
                quantities_before[place] := match.quantity;
                quantities_after[place] := match.quantity;
                prices_before[place] := CASE WHEN match.item_id IS NOT NULL THEN match.price END;
                prices_after[place] := match.price;
            END IF;
            quantities_after[place] := quantities_after[place] + quantities[line];

            highest_quantity := GREATEST(highest_quantity, quantities_after[place]);
            total_quantity := total_quantity + quantities[line];
            total_amount := total_amount + match.price * quantities[line];
            common_currency := COALESCE(common_currency, match.currency);
            IF match.currency <> common_currency THEN
                currency_count := 2;
            END IF;
        END LOOP;

        broken_rule := CASE
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
        WHEN no_data_found OR too_many_rows THEN
            broken_rule := 'lines';
            RETURN;
        WHEN SQLSTATE 'BR001' THEN
            RETURN;
    END;

    FOR place IN 1 .. cardinality(pairs) LOOP
        IF items[place] IS NULL THEN
            INSERT INTO basket_item (basket_id, product_id, price, currency)
            VALUES (opened.id, products[place], prices_after[place], common_currency)
            ON CONFLICT (basket_id, product_id) DO NOTHING
            RETURNING id INTO item_id;
            -- An earlier line may have added the product, for another division.
            items[place] := COALESCE(item_id, items[array_position(products, products[place])]);
        END IF;
        IF parts[place] IS NULL THEN
            INSERT INTO basket_item_division (item_id, division_id, quantity)
            VALUES (items[place], divisions[place], quantities_after[place]);
        ELSE
            UPDATE basket_item_division
            SET quantity = quantities_after[place]
            WHERE id = parts[place];
        END IF;
    END LOOP;

    opened := basket_record_1(
        opened, 'ITEMS_ADDED', buyer_id, in_origin, changed_at,
        item_count - opened.item_count,
        total_quantity - opened.total_quantity,
        total_amount - opened.total_amount,
        common_currency,
        items, products, divisions,
        quantities_before, quantities_after, prices_before, prices_after
    );
    IF in_key IS NOT NULL THEN
        PERFORM basket_store_outcome_1(buyer_id, in_key, in_digest, changed_at, opened, NULL);
    END IF;
    basket := row_to_json(opened);
    IF is_difference THEN
        item_ids := items;
        prices := prices_after;
        product_ids := products;
        part_divisions := divisions;
        part_quantities := quantities_after;
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
