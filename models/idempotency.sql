-- Claiming an idempotency key. By hand: \set user_id 1, \set key '''abc''', and so on.

-- name: claim_key
-- Takes a key that is new or expired; no row when it is taken. It waits for a transaction that has
-- taken the same key and is not yet committed.
INSERT INTO idempotency_key (user_id, key, digest, created_at)
VALUES (:user_id, :key, :digest, :claimed_at)
ON CONFLICT (user_id, key)
DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at
WHERE idempotency_key.created_at < :expired_before
RETURNING id;
