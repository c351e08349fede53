-- The files of ended exports. By hand: \set taken_at 'now()', \set retry_at 'now()', \set batch 200

-- name: take_ended
-- Takes exports whose files are to be deleted; no other process takes them before `retry_at`.
UPDATE basket_export
SET files_until = :retry_at
-- PostgreSQL tests it again for a row it waited for; the ids below were chosen before the wait.
WHERE files_until < :taken_at
    AND id IN (
        SELECT id FROM basket_export
        WHERE files_until < :taken_at
        ORDER BY files_until
        LIMIT :batch
    )
RETURNING id, cache_key, begun, format;
