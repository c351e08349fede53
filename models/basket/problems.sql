-- Problems of a basket, found without its items.
-- By hand: \set basket_id 1, \set buyer_division_id 1

-- name: has_blocking
-- Whether the basket has a product that is not sold, or a division that cannot be bought for.
SELECT EXISTS (
    SELECT 1
    FROM basket_item i
    JOIN product p ON p.id = i.product_id
    WHERE i.basket_id = :basket_id AND NOT p.is_available
) OR EXISTS (
    SELECT 1
    FROM basket_item i
    JOIN basket_item_division q ON q.item_id = i.id
    JOIN division d ON d.id = q.division_id
    WHERE i.basket_id = :basket_id
        AND NOT (
            d.is_active
            AND (d.id = :buyer_division_id OR COALESCE(d.parent_id = :buyer_division_id, false))
        )
) AS is_blocked;
