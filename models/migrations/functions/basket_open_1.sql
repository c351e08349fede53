-- Locks the active basket of a buyer, making it where there is none: at version 0, which no change
-- has counted yet.

CREATE OR REPLACE FUNCTION basket_open_1(
    buyer_id int,
    in_segment int,
    opened_at timestamptz
)
RETURNS basket
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    opened basket;
BEGIN
    SELECT b.* INTO opened
    FROM basket b
    WHERE b.user_id = buyer_id AND b.segment = in_segment AND b.status = 'ACTIVE'
    FOR UPDATE;
    IF FOUND THEN
        RETURN opened;
    END IF;
    -- There is none, or the one that this waited for is a draft now, and another was loaded.
    INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
    VALUES (buyer_id, in_segment, 'ACTIVE', 0, opened_at, opened_at)
    ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
    DO UPDATE SET version = basket.version
    RETURNING * INTO opened;
    RETURN opened;
END
$$;
