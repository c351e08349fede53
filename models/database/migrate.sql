-- The state of a database, and the turn of the process that migrates it.
-- By hand: \set key 1

-- name: find_table (postgres)
-- Whether anything was ever migrated. to_regclass would go on missing a table that was made while
-- the transaction waited.
SELECT relname FROM pg_class
WHERE relname = 'tortoise_migrations' AND pg_table_is_visible(oid);

-- name: find_table (sqlite)
SELECT name FROM sqlite_master WHERE name = 'tortoise_migrations';

-- name: applied
SELECT name FROM tortoise_migrations WHERE app = 'models' ORDER BY name;

-- name: try_lock (postgres)
-- Takes a lock of migrations if nobody has it; it ends with the transaction, also behind a pooler.
SELECT pg_try_advisory_xact_lock(:key) AS is_taken;

-- name: take_lock (postgres)
-- Waits for a lock of migrations.
SELECT pg_advisory_xact_lock(:key)::text;

-- name: blockers (postgres)
-- The transactions that may hold the locks that a migration waits for, the oldest first; without
-- the one that only holds the lock `key`.
SELECT
    pid, usename, application_name, state,
    date_trunc('second', clock_timestamp() - xact_start)::text AS duration
FROM pg_stat_activity
WHERE datname = current_database()
    AND pid <> pg_backend_pid()
    AND NOT EXISTS (
        SELECT FROM pg_locks
        WHERE pg_locks.pid = pg_stat_activity.pid
            AND locktype = 'advisory' AND objid = :key AND classid = 0
    )
    AND xact_start < clock_timestamp() - interval '1 second'
ORDER BY xact_start
LIMIT 5;
