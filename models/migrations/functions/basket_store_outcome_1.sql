-- Stores the outcome of an accepted change with an idempotency key that basket_find_key_1 has locked
-- and found to be new. The names are those of resolvers/stored_outcome.py, without those that have
-- nothing to say.

CREATE OR REPLACE FUNCTION basket_store_outcome_1(
    buyer_id int,
    in_key text,
    in_digest text,
    stored_at timestamptz,
    changed basket,
    removed_item_ids bigint[]     -- null for none
)
RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    INSERT INTO idempotency_key (user_id, key, digest, outcome, created_at)
    VALUES (
        buyer_id, in_key, in_digest,
        json_strip_nulls(json_build_object(
            'format', 2,
            'basket', changed.id,
            'version', changed.version,
            'removed', removed_item_ids
        ))::text,
        stored_at
    )
    -- The key of an expired outcome.
    ON CONFLICT (user_id, key)
    DO UPDATE SET
        digest = excluded.digest, outcome = excluded.outcome, created_at = excluded.created_at;
END
$$;
