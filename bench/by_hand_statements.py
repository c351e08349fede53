"""The statements of the server by hand."""

_DIVISION = """'id', 'division_' || {0}.id, 'name', {0}.name, 'erpCode', {0}.erp_code,
    'type', {0}.type"""
_DIVISION_JSON = f"""json_build_object({_DIVISION.format("d")}, 'parent', CASE
    WHEN m.id IS NOT NULL THEN json_build_object(
        {_DIVISION.format("m")}, 'isActive', m.is_active)
    END, 'isActive', d.is_active)"""
_BASKET = "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at"
_ACTIVE = "b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE'"

READ = f"""
SELECT x.*, {_BASKET}, (
    SELECT json_object_agg(d.id, {_DIVISION_JSON})::text
    FROM user_account u
    JOIN division d ON d.id = u.division_id OR d.parent_id = u.division_id
    LEFT JOIN division m ON m.id = d.parent_id
    WHERE u.id = $1
)
FROM basket b
LEFT JOIN LATERAL (
    SELECT array_agg(y.item_id), array_agg(y.item_price), array_agg(y.item_currency),
        array_agg(y.remote_id), array_agg(y.sku), array_agg(y.name), array_agg(y.price),
        array_agg(y.currency), array_agg(y.variants), array_agg(y.product_image),
        array_agg(y.in_stock), array_agg(y.parts)
    FROM (
        SELECT i.id AS item_id, i.price AS item_price, i.currency AS item_currency,
            p.remote_id, p.sku, p.name, p.price, p.currency, p.variants, p.product_image,
            p.in_stock, (
                SELECT string_agg(q.division_id || ' ' || q.quantity, ' ' ORDER BY q.id)
                FROM basket_item_division q
                WHERE q.item_id = i.id
            ) AS parts
        FROM basket_item i
        JOIN product p ON p.id = i.product_id
        WHERE i.basket_id = b.id
        ORDER BY i.id
    ) y
) x ON true
WHERE {_ACTIVE}"""
"""Reads the active basket of a user and segment as one row.

It has one array per column of the items, the columns of the basket, and as JSON the divisions that
the user may buy for.
"""
ARRAY_COUNT = 12

OTHER_DIVISIONS = f"""
SELECT json_object_agg(d.id, {_DIVISION_JSON})::text
FROM division d
LEFT JOIN division m ON m.id = d.parent_id
WHERE d.id = ANY($1::int[])"""
"""Reads divisions of a basket that its user may no longer buy for, which are rare."""

_TOTALS = "item_count, total_quantity, total_amount, currency"

BADGE = f"SELECT {_TOTALS} FROM basket b WHERE {_ACTIVE}"
"""Reads the totals of the active basket."""

DRAFTS = f"""
SELECT {_BASKET}, {_TOTALS}, saved_at, (
    SELECT count(*) FROM basket WHERE user_id = $1 AND status = 'DRAFT'
)
FROM basket b
WHERE user_id = $1 AND status = 'DRAFT'
ORDER BY saved_at DESC, id DESC
LIMIT $2"""
"""Reads a page of drafts with their totals and the number of all drafts."""

AUTHENTICATE = """
SELECT u.id, d.id, d.is_active
FROM token t
JOIN user_account u ON u.id = t.user_id
JOIN division d ON d.id = u.division_id
WHERE t.digest = $1 AND u.is_active"""

# Two statements in one round trip: the simple protocol takes no parameters, so the id is in
# the text.
BEGIN_AND_LOCK = """
BEGIN;
SELECT id FROM basket
WHERE user_id = {user} AND segment = 0 AND status = 'ACTIVE'
FOR UPDATE"""
MAKE_AND_LOCK = """
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
VALUES ({user}, 0, 'ACTIVE', 0, clock_timestamp(), clock_timestamp())
ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
DO UPDATE SET version = basket.version"""
"""Makes the missing basket, unless another request has just made it."""

ADD = """
WITH line AS (
    SELECT b.id AS basket_id, p.id AS product_id, COALESCE(i.price, p.price) AS price,
        p.currency, i.id AS item_id
    FROM basket b
    JOIN product p ON p.remote_id = $3 AND p.segment = $2
    JOIN division d ON d.id = $4 AND d.is_active AND (d.id = $6 OR d.parent_id = $6)
    LEFT JOIN basket_item i ON i.basket_id = b.id AND i.product_id = p.id
    WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' AND (
        i.id IS NOT NULL
        OR p.is_available AND p.refreshed_at > clock_timestamp() - interval '300 s'
            AND COALESCE(b.currency, p.currency) = p.currency
    )
), made AS (
    INSERT INTO basket_item (basket_id, product_id, price, currency)
    SELECT basket_id, product_id, price, currency FROM line WHERE item_id IS NULL
    RETURNING id
), added AS (
    INSERT INTO basket_item_division (item_id, division_id, quantity)
    SELECT item.id, $4, $5
    FROM (
        SELECT item_id AS id FROM line WHERE item_id IS NOT NULL UNION ALL SELECT id FROM made
    ) item
    ON CONFLICT (item_id, division_id)
    DO UPDATE SET quantity = basket_item_division.quantity + excluded.quantity
    RETURNING quantity
)
UPDATE basket b
SET version = b.version + 1, updated_at = clock_timestamp(),
    item_count = b.item_count + (SELECT count(*) FROM made),
    total_quantity = b.total_quantity + $5, total_amount = b.total_amount + line.price * $5,
    currency = COALESCE(b.currency, line.currency)
FROM line
WHERE b.id = line.basket_id
RETURNING b.id, b.item_count, b.total_quantity, b.total_amount, b.currency,
    (SELECT quantity FROM added)"""
"""Adds to the quantity of a product for a division.

Returns the basket's id, its totals, and the quantity; no row when a rule is broken.
"""
