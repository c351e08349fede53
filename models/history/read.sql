-- The history of baskets.
-- By hand: psql -v change="c.id AS id, c.version AS version" -v order="DESC", and
-- \set basket_ids '''{1}''', \set after '''{0}''', \set before '''{9}''', \set size 20

-- name: page (postgres)
-- The changes at one end of a range of versions, for many baskets at once.
SELECT
    c.basket_id, :change,
    u.id AS actor_id, u.email AS actor_email,
    u.first_name AS actor_first_name, u.last_name AS actor_last_name
FROM unnest(:basket_ids::bigint[], :after::int[], :before::int[])
    AS wanted (basket_id, after, before)
CROSS JOIN LATERAL (
    SELECT *
    FROM basket_change change
    WHERE change.basket_id = wanted.basket_id
        AND change.version > wanted.after AND change.version < wanted.before
    ORDER BY change.version :order
    LIMIT :size
) AS c
-- A command's change is nobody's; a user who is gone leaves their number.
LEFT JOIN user_account u ON u.id = c.user_id AND c.origin <> 'COMMAND_LINE'
ORDER BY c.version DESC;

-- name: page (sqlite)
SELECT
    c.basket_id, :change,
    u.id AS actor_id, u.email AS actor_email,
    u.first_name AS actor_first_name, u.last_name AS actor_last_name
FROM (
    SELECT
        change.*,
        ROW_NUMBER() OVER (
            PARTITION BY change.basket_id ORDER BY change.version :order
        ) AS place
    FROM json_each(:ranges) AS wanted
    JOIN basket_change change ON change.basket_id = json_extract(wanted.value, '$[0]')
        AND change.version > json_extract(wanted.value, '$[1]')
        AND change.version < json_extract(wanted.value, '$[2]')
) AS c
LEFT JOIN user_account u ON u.id = c.user_id AND c.origin <> 'COMMAND_LINE'
WHERE c.place <= :size
ORDER BY c.version DESC;

-- name: count (postgres)
-- How many changes there are in a range of versions, for many baskets at once.
SELECT
    change.basket_id, COUNT(*) AS count,
    MIN(change.version) AS oldest, MAX(change.version) AS newest
FROM unnest(:basket_ids::bigint[], :after::int[], :before::int[])
    AS wanted (basket_id, after, before)
JOIN basket_change change ON change.basket_id = wanted.basket_id
    AND change.version > wanted.after AND change.version < wanted.before
GROUP BY change.basket_id;

-- name: count (sqlite)
SELECT
    change.basket_id, COUNT(*) AS count,
    MIN(change.version) AS oldest, MAX(change.version) AS newest
FROM json_each(:ranges) AS wanted
JOIN basket_change change ON change.basket_id = json_extract(wanted.value, '$[0]')
    AND change.version > json_extract(wanted.value, '$[1]')
    AND change.version < json_extract(wanted.value, '$[2]')
GROUP BY change.basket_id;

-- name: own_change
-- A change of one of the baskets of a user.
SELECT
    :change,
    u.id AS actor_id, u.email AS actor_email,
    u.first_name AS actor_first_name, u.last_name AS actor_last_name
FROM basket_change c
JOIN basket b ON b.id = c.basket_id
LEFT JOIN user_account u ON u.id = c.user_id AND c.origin <> 'COMMAND_LINE'
WHERE c.id = :change_id AND b.user_id = :user_id;

-- name: actor
-- Who made a change of one of the baskets of a user.
SELECT u.id, u.email, u.first_name, u.last_name
FROM user_account u
WHERE u.id = :actor_id AND EXISTS (
    SELECT 1
    FROM basket b
    JOIN basket_change c ON c.basket_id = b.id
    WHERE b.user_id = :user_id AND c.user_id = u.id AND c.origin <> 'COMMAND_LINE'
);
