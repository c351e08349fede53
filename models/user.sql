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
