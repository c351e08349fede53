-- What watched baskets and exports are now, in one statement for all watchers of a process.
-- By hand, in psql: \set kinds '''{active,basket}''' and \set users '''{1,1}''' and
-- \set numbers '''{0,1}''' and \set states '''{1:1,NULL}'''

-- name: find_moved (postgres)
-- Each look-up is a subquery of its own, so that it uses its index however many there are: the
-- planner knows nothing of the size of the arrays.
SELECT watched.position, watched.current
FROM (
    SELECT
        topic.position,
        topic.state,
        CASE topic.kind
            WHEN 'active' THEN (
                SELECT b.id || ':' || b.version
                FROM basket b
                WHERE b.user_id = topic.user_id
                    AND b.segment = topic.number
                    AND b.status = 'ACTIVE'
            )
            WHEN 'basket' THEN (
                SELECT b.id || ':' || b.version
                FROM basket b
                WHERE b.id = topic.number AND b.user_id = topic.user_id
            )
            ELSE (
                SELECT e.status || ':' || e.rows_written
                FROM basket_export e
                WHERE e.id = topic.number AND e.user_id = topic.user_id
            )
        END AS current
    FROM unnest(
        :kinds::text[], :users::bigint[], :numbers::bigint[], :states::text[]
    ) WITH ORDINALITY AS topic (kind, user_id, number, state, position)
    -- Else the subqueries would be copied into the condition, and run twice.
    OFFSET 0
) AS watched
WHERE watched.current IS DISTINCT FROM watched.state;

-- name: find_moved (sqlite)
-- One list of lists: to look an entry up by its index would walk the list for each.
SELECT watched.position, watched.current
FROM (
    SELECT
        topic.position,
        topic.state,
        CASE topic.kind
            WHEN 'active' THEN (
                SELECT b.id || ':' || b.version
                FROM basket b
                WHERE b.user_id = topic.user_id
                    AND b.segment = topic.number
                    AND b.status = 'ACTIVE'
            )
            WHEN 'basket' THEN (
                SELECT b.id || ':' || b.version
                FROM basket b
                WHERE b.id = topic.number AND b.user_id = topic.user_id
            )
            ELSE (
                SELECT e.status || ':' || e.rows_written
                FROM basket_export e
                WHERE e.id = topic.number AND e.user_id = topic.user_id
            )
        END AS current
    FROM (
        SELECT
            entry.key + 1 AS position,
            entry.value ->> 0 AS kind,
            entry.value ->> 1 AS user_id,
            entry.value ->> 2 AS number,
            entry.value ->> 3 AS state
        FROM json_each(:topics) AS entry
    ) AS topic
    LIMIT -1 OFFSET 0
) AS watched
WHERE watched.current IS NOT watched.state;
