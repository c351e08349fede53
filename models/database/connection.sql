-- Whether the database answers, and takes changes.

-- name: is_read_only (postgres)
-- True on a standby, and on a primary that was demoted.
SELECT current_setting('transaction_read_only') = 'on';

-- name: is_read_only (sqlite)
SELECT 0;
