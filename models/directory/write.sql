-- Writing the plan of an import: a statement per kind of change, for all rows at once.
-- By hand, in psql: \set ids '''{1}''', \set erp_codes '''{ERP01}''', and so on.

-- name: lock (postgres)
-- Lets no one else change people until the end; buyers, who only refer to them, need not wait. It
-- is the first lock of its transactions, so that two of them never wait for each other.
LOCK TABLE division, user_account IN SHARE ROW EXCLUSIVE MODE;

-- name: lock (sqlite)
-- Any write takes the one lock of SQLite, also where there is nothing to change.
UPDATE division SET name = name WHERE false;

-- name: add_divisions (postgres)
INSERT INTO division (erp_code, name, type, parent_id, is_active)
SELECT
    added.erp_code, added.name, added.type,
    (SELECT m.id FROM division m WHERE m.erp_code = added.parent),
    added.is_active
FROM unnest(
    :erp_codes::text[], :names::text[], :types::text[], :parents::text[], :activities::bool[]
) AS added (erp_code, name, type, parent, is_active)
RETURNING id, erp_code;

-- name: add_divisions (sqlite)
INSERT INTO division (erp_code, name, type, parent_id, is_active)
SELECT
    added.value ->> 1, added.value ->> 2, added.value ->> 3,
    (SELECT m.id FROM division m WHERE m.erp_code = added.value ->> 4),
    added.value ->> 5
FROM json_each(:rows) AS added
-- SQLite takes ON of a later clause for a join's unless there is a condition.
WHERE true
RETURNING id, erp_code;

-- name: change_divisions (postgres)
UPDATE division
SET
    name = changed.name,
    type = changed.type,
    parent_id = (SELECT m.id FROM division m WHERE m.erp_code = changed.parent),
    is_active = changed.is_active
FROM unnest(
    :ids::int[], :names::text[], :types::text[], :parents::text[], :activities::bool[]
) AS changed (id, name, type, parent, is_active)
WHERE division.id = changed.id;

-- name: change_divisions (sqlite)
UPDATE division
SET
    name = changed.value ->> 2,
    type = changed.value ->> 3,
    parent_id = (SELECT m.id FROM division m WHERE m.erp_code = changed.value ->> 4),
    is_active = changed.value ->> 5
FROM json_each(:rows) AS changed
WHERE division.id = changed.value ->> 0;

-- name: add_users (postgres)
INSERT INTO user_account (email, first_name, last_name, division_id, is_active)
SELECT added.email, added.first_name, added.last_name, d.id, added.is_active
FROM unnest(
    :emails::text[], :first_names::text[], :last_names::text[], :divisions::text[],
    :activities::bool[]
) AS added (email, first_name, last_name, division, is_active)
JOIN division d ON d.erp_code = added.division
RETURNING id, email;

-- name: add_users (sqlite)
INSERT INTO user_account (email, first_name, last_name, division_id, is_active)
SELECT
    added.value ->> 1, added.value ->> 2, added.value ->> 3, d.id, added.value ->> 5
FROM json_each(:rows) AS added
JOIN division d ON d.erp_code = added.value ->> 4
RETURNING id, email;

-- name: change_users (postgres)
UPDATE user_account
SET
    email = changed.email,
    first_name = changed.first_name,
    last_name = changed.last_name,
    division_id = d.id,
    is_active = changed.is_active
FROM unnest(
    :ids::int[], :emails::text[], :first_names::text[], :last_names::text[],
    :divisions::text[], :activities::bool[]
) AS changed (id, email, first_name, last_name, division, is_active)
JOIN division d ON d.erp_code = changed.division
WHERE user_account.id = changed.id;

-- name: change_users (sqlite)
UPDATE user_account
SET
    email = changed.value ->> 1,
    first_name = changed.value ->> 2,
    last_name = changed.value ->> 3,
    division_id = d.id,
    is_active = changed.value ->> 5
FROM json_each(:rows) AS changed
JOIN division d ON d.erp_code = changed.value ->> 4
WHERE user_account.id = changed.value ->> 0;

-- name: find_stranded (postgres)
-- How many open baskets of users who move have items for divisions that they may not buy for then.
SELECT b.user_id, COUNT(DISTINCT b.id) AS baskets
FROM unnest(:ids::int[], :divisions::text[]) AS moved (id, division)
JOIN basket b ON b.user_id = moved.id AND b.status IN ('ACTIVE', 'DRAFT')
JOIN basket_item i ON i.basket_id = b.id
JOIN basket_item_division q ON q.item_id = i.id
JOIN division d ON d.id = q.division_id
LEFT JOIN division own ON own.erp_code = moved.division
WHERE NOT COALESCE(d.id = own.id OR d.parent_id = own.id, false)
GROUP BY b.user_id;

-- name: find_stranded (sqlite)
SELECT b.user_id, COUNT(DISTINCT b.id) AS baskets
FROM json_each(:moved) AS moved
JOIN basket b ON b.user_id = moved.value ->> 0 AND b.status IN ('ACTIVE', 'DRAFT')
JOIN basket_item i ON i.basket_id = b.id
JOIN basket_item_division q ON q.item_id = i.id
JOIN division d ON d.id = q.division_id
LEFT JOIN division own ON own.erp_code = moved.value ->> 1
WHERE NOT COALESCE(d.id = own.id OR d.parent_id = own.id, false)
GROUP BY b.user_id;
