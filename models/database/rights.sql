-- The rights of the role. By hand: \set tables '{basket}'

-- name: missing_rights (postgres)
-- The rights that the role lacks on tables, on their sequences and on our functions.
SELECT current_user::text AS role, relname::text AS name, privilege
FROM pg_class CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege
WHERE relname = ANY(:tables::text[])
    AND relkind IN ('r', 'p')
    AND pg_table_is_visible(pg_class.oid)
    AND NOT has_table_privilege(pg_class.oid, privilege)
UNION ALL
SELECT current_user::text, counter.relname::text, 'USAGE'
FROM pg_depend
JOIN pg_class AS counter ON counter.oid = pg_depend.objid
JOIN pg_class AS owner ON owner.oid = pg_depend.refobjid
WHERE owner.relname = ANY(:tables::text[])
    -- That of a SERIAL; an identity column needs no right on its own.
    AND deptype = 'a'
    AND pg_table_is_visible(owner.oid)
    -- In an order of its own: asked of anything else it is an error.
    AND CASE
        WHEN counter.relkind = 'S' THEN NOT has_sequence_privilege(counter.oid, 'USAGE')
        ELSE FALSE
    END
UNION ALL
SELECT current_user::text, proname::text, 'EXECUTE'
FROM pg_proc
WHERE proname LIKE 'basket\_%'
    AND pg_function_is_visible(pg_proc.oid)
    AND NOT has_function_privilege(pg_proc.oid, 'EXECUTE')
ORDER BY name, privilege;
