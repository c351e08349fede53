-- Trusted documents. A process asks for the stamp after a miss, at most once a second.

-- name: stamp
-- Changes with every addition, by the highest id, and with every removal, by the count.
SELECT count(*) AS total, coalesce(max(id), 0) AS highest_id FROM trusted_document;

-- name: lock (postgres)
-- One command changes documents at a time; servers go on reading.
LOCK TABLE trusted_document IN SHARE ROW EXCLUSIVE MODE;

-- name: lock (sqlite)
-- Any write takes the one lock of SQLite, also where there is nothing to delete.
DELETE FROM trusted_document WHERE id < 0;
