-- Authentication, once per token and few seconds. By hand, in psql: \set digests '''{0123…}''' and
-- \set division 'd.id', \set parent 'm.id'

-- name: buyers_with_tokens (postgres)
-- The active users that tokens or accounts belong to, with their divisions and those above them,
-- and when the tokens expire. The digest of an account can be that of no token: it has other
-- letters. They are looked up one by one: the planner, which knows nothing of the size of the list,
-- might read all of them.
SELECT
    given.digest, u.id, u.email, u.first_name, u.last_name, c.expires_at, :division, :parent
FROM unnest(:digests::text[]) AS given (digest)
CROSS JOIN LATERAL (
    SELECT user_id, expires_at FROM token WHERE digest = given.digest
    UNION ALL
    SELECT user_id, NULL FROM identity WHERE digest = given.digest
    OFFSET 0
) AS c
JOIN user_account u ON u.id = c.user_id
JOIN division d ON d.id = u.division_id
LEFT JOIN division m ON m.id = d.parent_id
WHERE u.is_active;

-- name: buyers_with_tokens (sqlite)
SELECT
    given.value AS digest,
    u.id, u.email, u.first_name, u.last_name, t.expires_at, :division, :parent
FROM json_each(:digests) AS given
LEFT JOIN token t ON t.digest = given.value
LEFT JOIN identity i ON i.digest = given.value
JOIN user_account u ON u.id = coalesce(t.user_id, i.user_id)
JOIN division d ON d.id = u.division_id
LEFT JOIN division m ON m.id = d.parent_id
WHERE u.is_active;

-- name: token_states (postgres)
-- What is against each of some tokens and accounts, NULL for nothing: "token", or "division" of an
-- inactive one. Of those of an active user also the main division.
SELECT
    given.digest,
    coalesce(m.erp_code, d.erp_code) AS main_erp_code,
    CASE WHEN d.id IS NULL THEN 'token' WHEN NOT d.is_active THEN 'division' END AS reason
FROM unnest(:digests::text[]) AS given (digest)
LEFT JOIN token t ON t.digest = given.digest AND (t.expires_at IS NULL OR t.expires_at > :now)
LEFT JOIN identity i ON i.digest = given.digest
LEFT JOIN user_account u ON u.id = coalesce(t.user_id, i.user_id) AND u.is_active
LEFT JOIN division d ON d.id = u.division_id
LEFT JOIN division m ON m.id = d.parent_id;

-- name: token_states (sqlite)
SELECT
    given.value AS digest,
    coalesce(m.erp_code, d.erp_code) AS main_erp_code,
    CASE WHEN d.id IS NULL THEN 'token' WHEN NOT d.is_active THEN 'division' END AS reason
FROM json_each(:digests) AS given
LEFT JOIN token t ON t.digest = given.value AND (t.expires_at IS NULL OR t.expires_at > :now)
LEFT JOIN identity i ON i.digest = given.value
LEFT JOIN user_account u ON u.id = coalesce(t.user_id, i.user_id) AND u.is_active
LEFT JOIN division d ON d.id = u.division_id
LEFT JOIN division m ON m.id = d.parent_id;
