-- The fast path of changing one item: its quantity for a division, or all of it.
-- By hand: see models/migrations/functions/basket_item_change_1.sql, which makes the function.

-- name: change_item (postgres)
-- Changes the item and returns the basket, or the name of the rule that stands against it.
SELECT
    broken_rule, known_digest, known_outcome, removed_item_id, basket, division_revision,
    item_ids, prices, product_ids, product_revisions, refreshed_at,
    part_items, part_divisions, part_quantities
FROM basket_item_change_1(
    :buyer_id, :buyer_division_id, :segment, :expected_version, :origin,
    :key, :digest, :expired_before, :changed_at, :remote_id, :division_id, :quantity, :full
);
