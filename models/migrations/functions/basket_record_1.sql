-- Counts a version of a locked basket, adds what the change adds to its totals, and writes the row
-- of history, whose lines have the format of models/history/lines.py.

CREATE OR REPLACE FUNCTION basket_record_1(
    before basket,
    in_kind text,
    author_id int,
    in_origin text,
    changed_at timestamptz,
    added_items int,
    added_quantity bigint,
    added_amount bigint,
    new_currency text,
    items bigint[],               -- the lines, a list per column
    products bigint[],
    divisions int[],
    quantities_before int[],
    quantities_after int[],
    prices_before bigint[],
    prices_after bigint[]
)
RETURNS basket
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    changed basket;
BEGIN
    UPDATE basket AS b
    SET
        version = b.version + 1,
        updated_at = changed_at,
        item_count = b.item_count + added_items,
        total_quantity = b.total_quantity + added_quantity,
        total_amount = b.total_amount + added_amount,
        currency = CASE WHEN b.item_count + added_items > 0 THEN new_currency END
    WHERE b.id = before.id
    RETURNING b.* INTO changed;
    INSERT INTO basket_change (
        basket_id, version, kind, origin, user_id, created_at,
        currency, total_amount, total_quantity, line_count, lines
    )
    VALUES (
        changed.id, changed.version, in_kind, in_origin, author_id, changed_at,
        changed.currency, changed.total_amount, changed.total_quantity, cardinality(items),
        json_build_object(
            'format', 1,
            'currency_before', before.currency,
            'items', items,
            'products', products,
            'divisions', divisions,
            'quantities_before', quantities_before,
            'quantities_after', quantities_after,
            'prices_before', prices_before,
            'prices_after', prices_after
        )::text
    );
    RETURN changed;
END
$$;
