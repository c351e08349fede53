-- The fast path of changing one item: its quantity for a division, or all of it.
-- By hand: see models/migrations/functions/basket_item_change_1.sql, which makes the function.

-- name: change_item (postgres)
-- Changes the item and returns the basket, or the name of the rule that stands against it.
SELECT * FROM basket_item_change_1(
    :buyer_id, :buyer_division_id, :segment, :expected_version, :origin,
    :key, :digest, :expired_before, :changed_at, :remote_id, :division_id, :quantity, :full
);
