-- The jobs of exports: statements that take rows and return them.
-- By hand: \set claimed_at 'now()', \set maximum_attempts 3, and so on.

-- name: claim
-- Begins an attempt of a job that waits, or whose lease is over.
UPDATE basket_export
SET status = 'PROCESSING',
    attempts = attempts + 1,
    begun = begun + 1,
    rows_written = 0,
    lease_owner = :owner,
    lease_until = :lease_until,
    resend_at = :lease_until
WHERE id = :export_id
    -- Of two workers with one message the second waits for the row, and then fails these tests.
    AND attempts < :maximum_attempts
    AND (
        status = 'WAITING'
        OR (status = 'PROCESSING' AND (lease_until < :claimed_at OR lease_until > :too_far))
    )
RETURNING basket_id, cache_key, format, columns, attempts, begun;

-- name: take_turn (postgres)
-- Tries to take the sweeper's turn, which ends with the transaction, also behind a pooler.
SELECT pg_try_advisory_xact_lock(:key);

-- name: take_overdue
-- Takes the jobs whose message counts as lost and which nobody works at, to send it again.
UPDATE basket_export
SET resend_at = :resend_at
WHERE id IN (
    SELECT id FROM basket_export
    WHERE status IN ('WAITING', 'PROCESSING')
        -- Timestamps that are too far ahead were written before a clock was set back.
        AND (resend_at < :swept_at OR resend_at > :too_far)
        AND (lease_until IS NULL OR lease_until < :swept_at OR lease_until > :too_far)
    ORDER BY id
    LIMIT :batch
)
RETURNING id;

-- name: basket_rows (postgres)
-- A row per item and division, with the columns in the order of ExportField; a whole basket, which
-- may have 10,000 items for many divisions, is read at one point in time. The divisions of each
-- item are looked up, as models/basket/read.sql explains.
SELECT p.sku, q.division_id, d.erp_code, d.name, i.price, q.quantity, p.remote_id
FROM basket_item i
JOIN product p ON p.id = i.product_id
CROSS JOIN LATERAL (
    SELECT part.id, part.division_id, part.quantity
    FROM basket_item_division part
    WHERE part.item_id = i.id
    OFFSET 0
) AS q
JOIN division d ON d.id = q.division_id
WHERE i.basket_id = :basket_id
ORDER BY i.id, q.id;

-- name: basket_rows (sqlite)
SELECT p.sku, q.division_id, d.erp_code, d.name, i.price, q.quantity, p.remote_id
FROM basket_item i
JOIN product p ON p.id = i.product_id
JOIN basket_item_division q ON q.item_id = i.id
JOIN division d ON d.id = q.division_id
WHERE i.basket_id = :basket_id
ORDER BY i.id, q.id;
