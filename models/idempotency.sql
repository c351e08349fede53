-- Idempotency keys. By hand: \set user_id 1, \set key '''abc''', and so on.

-- name: find_key
-- What is stored with a key that has not expired.
SELECT digest, outcome
FROM idempotency_key
WHERE user_id = :user_id AND key = :key AND created_at >= :since;

-- name: lock_key (postgres)
-- Waits for any transaction that holds the same key. Functions that add take the same lock. Two
-- keys that share a hash wait for each other too, which is harmless.
SELECT pg_advisory_xact_lock(:user_id, hashtext(:key));

-- name: lock_key (sqlite)
-- Any write takes the one lock of SQLite, also where there is nothing to delete.
DELETE FROM idempotency_key
WHERE user_id = :user_id AND key = :key AND created_at < :expired_before;

-- name: store_outcome
-- Takes the place of an outcome that has expired, and of no other: no row is a fault.
INSERT INTO idempotency_key (user_id, key, digest, outcome, created_at)
VALUES (:user_id, :key, :digest, :outcome, :stored_at)
ON CONFLICT (user_id, key) DO UPDATE
SET digest = excluded.digest, outcome = excluded.outcome, created_at = excluded.created_at
WHERE idempotency_key.created_at < :expired_before
RETURNING id;
