-- Adds lines to the active basket of a buyer: all of them, with every rule kept, or nothing.
--
-- Servers call it by its name with the version, so that old and new ones run side by side: a change
-- goes into a function with the next number, and this one stays as it is. It is a transaction by
-- itself, with the rights of the caller, so it works behind poolers and for a role that may only
-- read and write. The rules are those of models/basket/rules.py, under the same names.
--
-- `psql -f` makes it. Two pieces of product 1 for division 7, by hand:
--   SELECT * FROM basket_add_1(1, 7, 0, NULL, now(), now() - interval '1 hour',
--       ARRAY[1], ARRAY[NULL], ARRAY[7], ARRAY[NULL], ARRAY[2], true);

CREATE OR REPLACE FUNCTION basket_add_1(
    buyer_id int,
    buyer_division_id int,
    in_segment int,
    expected_version int,         -- of the basket before, 0 when there is none; null for any
    changed_at timestamptz,
    confirmed_since timestamptz,  -- products last confirmed before are not added as they are known
    remote_ids int[],             -- the lines: each names a product by its remote id
    skus text[],                  -- or its SKU,
    division_ids int[],           -- and a division by its id
    erp_codes text[],             -- or its ERP code
    quantities int[],
    with_items boolean,
    OUT broken_rule text,         -- null when all are kept
    OUT item_count bigint,
    OUT total_quantity bigint,
    OUT total_amount bigint,
    OUT currency text,
    OUT currency_count int,
    OUT basket text,
    OUT division_revision bigint,
    OUT item_ids bigint[],        -- the items, as the statement `full` in models/basket/read.sql
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
    line int;
    found record;
    highest_quantity int;
BEGIN
    -- The lock comes first. It waits for a load in progress, and then finds the loaded basket.
    INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
    VALUES (buyer_id, in_segment, 'ACTIVE', 1, changed_at, changed_at)
    ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
    DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at
    RETURNING * INTO opened;

    FOR line IN 1 .. cardinality(quantities) LOOP
        -- STRICT: a SKU that two products have for a while, or a line without a product that is
        -- known, or a division for which the buyer may not buy, is for the slow path.
        SELECT p.id AS product_id, p.price, p.currency, d.id AS division_id, held.id AS item_id
        INTO STRICT found
        FROM product p
        CROSS JOIN division d
        LEFT JOIN basket_item held ON held.basket_id = opened.id AND held.product_id = p.id
        WHERE p.segment = in_segment
            AND (p.remote_id = remote_ids[line] OR p.sku = skus[line])
            AND p.is_available
            -- A SKU may have moved to another product since Commerce was asked, also one that the
            -- basket holds; a held product named by its remote id is added as it is known.
            AND (
                (p.owns_sku AND p.refreshed_at >= confirmed_since)
                OR (held.id IS NOT NULL AND skus[line] IS NULL)
            )
            AND (d.id = division_ids[line] OR d.erp_code = erp_codes[line])
            AND d.is_active
            AND (d.id = buyer_division_id OR d.parent_id = buyer_division_id);
        IF found.item_id IS NULL THEN
            INSERT INTO basket_item (basket_id, product_id, price, currency)
            VALUES (opened.id, found.product_id, found.price, found.currency)
            RETURNING id INTO found.item_id;
        END IF;
        INSERT INTO basket_item_division AS q (item_id, division_id, quantity)
        VALUES (found.item_id, found.division_id, quantities[line])
        ON CONFLICT (item_id, division_id)
        DO UPDATE SET quantity = q.quantity + excluded.quantity;
    END LOOP;

    -- The sums that the rules are about, in the same pass as the items where these are wanted.
    IF with_items THEN
        SELECT
            COUNT(*), MIN(item.currency), COUNT(DISTINCT item.currency),
            array_agg(id), array_agg(price), array_agg(product_id),
            array_agg(revision), array_agg(item.refreshed_at)
        INTO
            item_count, currency, currency_count,
            item_ids, prices, product_ids, product_revisions, refreshed_at
        FROM (
            SELECT
                i.id, i.price, i.currency, i.product_id, p.revision,
                p.refreshed_at::text AS refreshed_at
            FROM basket_item i
            JOIN product p ON p.id = i.product_id
            WHERE i.basket_id = opened.id
            ORDER BY i.id
        ) AS item;
        SELECT
            SUM(quantity), SUM(price * quantity), MAX(quantity),
            array_agg(item_id), array_agg(division_id), array_agg(quantity)
        INTO
            total_quantity, total_amount, highest_quantity,
            part_items, part_divisions, part_quantities
        FROM (
            SELECT q.item_id, q.division_id, q.quantity, i.price
            FROM basket_item i
            JOIN basket_item_division q ON q.item_id = i.id
            WHERE i.basket_id = opened.id
            ORDER BY q.id
        ) AS part;
        SELECT revision INTO division_revision FROM division_revision;
    ELSE
        SELECT
            COUNT(DISTINCT i.id), SUM(q.quantity), SUM(i.price * q.quantity),
            MIN(i.currency), COUNT(DISTINCT i.currency), MAX(q.quantity)
        INTO
            item_count, total_quantity, total_amount,
            currency, currency_count, highest_quantity
        FROM basket_item i
        JOIN basket_item_division q ON q.item_id = i.id
        WHERE i.basket_id = opened.id;
    END IF;

    broken_rule := CASE
        WHEN expected_version <> opened.version - 1 THEN 'version'
        WHEN NOT (highest_quantity <= 1000000) THEN 'quantity'
        WHEN NOT (item_count <= 10000) THEN 'item count'
        WHEN NOT (total_quantity <= 2147483647) THEN 'total quantity'
        WHEN NOT (currency_count <= 1) THEN 'currency'
    END;
    IF broken_rule IS NOT NULL THEN
        -- Caught below, it undoes all of the above without an error in PostgreSQL's log.
        RAISE EXCEPTION SQLSTATE 'BR001';
    END IF;

    basket := row_to_json(opened);
EXCEPTION
    WHEN no_data_found OR too_many_rows THEN
        broken_rule := 'lines';
    WHEN SQLSTATE 'BR001' THEN
        NULL;
END
$$;
