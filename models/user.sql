-- Authentication, once per token and few seconds. By hand, in psql: \set digest '''0123…''' and
-- \set division 'd.id', \set parent 'm.id'

-- name: buyer_with_token
-- The active user that a token belongs to, with their division and its parent.
SELECT u.id, u.email, u.first_name, u.last_name, :division, :parent
FROM token t
JOIN user_account u ON u.id = t.user_id
JOIN division d ON d.id = u.division_id
LEFT JOIN division m ON m.id = d.parent_id
WHERE t.digest = :digest AND u.is_active;

-- name: unusable_tokens (postgres)
-- Those tokens that let nobody in, with the reason: "token", or "division" of an inactive one.
SELECT given.digest, CASE WHEN d.id IS NULL THEN 'token' ELSE 'division' END AS reason
FROM unnest(:digests::text[]) AS given (digest)
LEFT JOIN token t ON t.digest = given.digest
LEFT JOIN user_account u ON u.id = t.user_id AND u.is_active
LEFT JOIN division d ON d.id = u.division_id
WHERE d.id IS NULL OR NOT d.is_active;

-- name: unusable_tokens (sqlite)
SELECT given.value AS digest, CASE WHEN d.id IS NULL THEN 'token' ELSE 'division' END AS reason
FROM json_each(:digests) AS given
LEFT JOIN token t ON t.digest = given.value
LEFT JOIN user_account u ON u.id = t.user_id AND u.is_active
LEFT JOIN division d ON d.id = u.division_id
WHERE d.id IS NULL OR NOT d.is_active;
