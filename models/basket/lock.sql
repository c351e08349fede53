-- Locking an active basket that may not be there yet.
-- By hand: \set user_id 1, \set segment 0, \set changed_at '''2026-01-01''', then the statement.

-- name: open_active
-- Makes the active basket, or locks it and counts a version, and tells which version it is now at.
-- It waits for a load in progress, and then finds the basket that was loaded.
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
VALUES (:user_id, :segment, 'ACTIVE', 1, :changed_at, :changed_at)
ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at
RETURNING id, version;

-- name: claim_active
-- Makes the active basket, or locks it without counting a version, and tells whether it is new:
-- only a basket that this statement made was written once.
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
VALUES (:user_id, :segment, 'ACTIVE', 1, :changed_at, :changed_at)
ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
DO UPDATE SET updated_at = excluded.updated_at
RETURNING id, created_at = updated_at AS is_new;
