-- When tokens were last used. By hand: \set hour '''2026-11-26 10:00+00''', \set digests '''{…}'''

-- name: note_uses (postgres)
-- Rows that another process is writing, or that a command deletes, are skipped instead of waited
-- for: two processes that write the same tokens in another order would lock each other out.
UPDATE token SET last_used_at = :hour
WHERE id IN (
    SELECT id FROM token
    WHERE digest = ANY (:digests::text[]) AND (last_used_at IS NULL OR last_used_at < :hour)
    FOR UPDATE SKIP LOCKED
);

-- name: note_uses (sqlite)
UPDATE token SET last_used_at = :hour
WHERE digest IN (SELECT value FROM json_each(:digests))
AND (last_used_at IS NULL OR last_used_at < :hour);
