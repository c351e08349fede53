-- Locks an idempotency key of a buyer until the end of the transaction and returns what is stored
-- with it; null when the key is new, or from before a timestamp. A second request with the same key
-- waits here until the first is committed.

CREATE OR REPLACE FUNCTION basket_find_key_1(
    buyer_id int,
    in_key text,
    expired_before timestamptz,
    OUT known_digest text,
    OUT known_outcome text
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(buyer_id, hashtext(in_key));
    -- A statement of its own, which sees what was committed while the one before it waited.
    SELECT k.digest, k.outcome INTO known_digest, known_outcome
    FROM idempotency_key k
    WHERE k.user_id = buyer_id AND k.key = in_key AND k.created_at >= expired_before;
END
$$;
