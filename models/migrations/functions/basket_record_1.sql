-- Counts a version of a locked basket, adds what the change adds to its totals, and writes the row
-- of history. `lines` are in the format of models/history/lines.py.

CREATE OR REPLACE FUNCTION basket_record_1(
    in_basket_id bigint,
    in_kind text,
    author_id int,
    in_origin text,
    changed_at timestamptz,
    added_items int,
    added_quantity bigint,
    added_amount bigint,
    in_currency text,
    in_line_count int,
    in_lines text
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
        currency = CASE WHEN b.item_count + added_items > 0 THEN in_currency END
    WHERE b.id = in_basket_id
    RETURNING b.* INTO changed;
    INSERT INTO basket_change (
        basket_id, version, kind, origin, user_id, created_at,
        currency, total_amount, total_quantity, line_count, lines
    )
    VALUES (
        changed.id, changed.version, in_kind, in_origin, author_id, changed_at,
        changed.currency, changed.total_amount, changed.total_quantity, in_line_count, in_lines
    );
    RETURN changed;
END
$$;
