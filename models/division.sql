-- Divisions with their parents.
-- By hand: psql -v division="d.id AS division_id" -v parent="m.id AS parent_id", and
-- \set division_id 1

-- name: divisions_named (postgres)
-- The divisions that have one of these ids or ERP codes.
SELECT :division, :parent
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id = ANY(:ids::int[]) OR d.erp_code = ANY(:erp_codes::text[]);

-- name: divisions_named (sqlite)
SELECT :division, :parent
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id IN (SELECT value FROM json_each(:ids))
    OR d.erp_code IN (SELECT value FROM json_each(:erp_codes));

-- name: divisions_within
-- A division and its sub-divisions: itself first, then by name.
SELECT :division, :parent
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id = :division_id OR d.parent_id = :division_id
-- False sorts before true, and only the division itself has no parent.
ORDER BY d.parent_id IS NOT NULL, d.name, d.id;

-- name: divisions_shown (postgres)
-- Divisions as baskets show them, with the revision that all divisions share.
SELECT (SELECT revision FROM division_revision) AS revision, :division, :parent
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id = ANY(:ids::int[]);

-- name: divisions_shown (sqlite)
SELECT NULL AS revision, :division, :parent
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id IN (SELECT value FROM json_each(:ids));
