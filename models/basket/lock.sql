-- Locking an active basket that may not be there yet.
-- By hand: \set user_id 1, \set segment 0, \set changed_at '''2026-01-01''', then the statement.

-- name: open_active
-- Makes the active basket, or locks it. The version counts the changes, so that of a new one is 0.
-- It waits for a load in progress, and then finds the basket that was loaded; a plain
-- SELECT … FOR UPDATE would see that the basket it waited for is now a draft, and miss that one.
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
VALUES (:user_id, :segment, 'ACTIVE', 0, :changed_at, :changed_at)
ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
DO UPDATE SET version = basket.version
RETURNING id, segment, version, item_count, total_quantity, total_amount, currency;
