"""Products as Commerce last described them: a row for each product and customer segment, for prices depend on it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson
from tortoise import fields
from tortoise.models import Model

from models.database.statement import Row, Statement, now
from models.money import Cents

NO_SEGMENT = 0
"""What stands in the column `segment` for no segment: unlike NULL it is equal to itself, so unique indexes hold it."""


class Product(Model):
    """A product's row. The price is in hundredths and the variants are JSON text.

    It is available unless Commerce said that it is not sold (now, or any longer). It owns its SKU
    until Commerce says that another product of the segment has it: what the row says is then out of
    date, and the SKU no longer names it. A negative segment belongs to a snapshot: see
    `product_snapshot`.
    """

    id = fields.BigIntField(primary_key=True)
    remote_id = fields.IntField()
    segment = fields.IntField(default=NO_SEGMENT)
    sku = fields.CharField(max_length=255)
    name = fields.CharField(max_length=255, null=True)
    price = fields.BigIntField()
    currency = fields.CharField(max_length=16)
    variants = fields.TextField(default="{}")
    product_image = fields.TextField(null=True)
    in_stock = fields.BooleanField()
    is_available = fields.BooleanField()
    owns_sku = fields.BooleanField(db_default=True)
    refreshed_at = fields.DatetimeField()

    class Meta:
        table = "product"
        unique_together = (("remote_id", "segment"),)
        indexes = (("sku", "segment"),)


KEYS_AT_ONCE = 1_000
"""How many products are read by one statement: reading many thousands at once would keep other buyers waiting."""


@dataclass(frozen=True, slots=True)
class ProductDescription:
    """What Commerce says of a product."""

    remote_id: int
    sku: str
    name: str | None
    price: Cents
    currency: str
    variants: str
    product_image: str | None
    in_stock: bool
    is_available: bool


class KnownProduct(NamedTuple):
    """The part of a product's row that adding it to a basket needs.

    It is fresh when Commerce confirmed it lately and its SKU is still its own.
    """

    id: int
    remote_id: int
    sku: str
    currency: str
    is_available: bool
    owns_sku: bool
    is_fresh: bool
    is_in_basket: bool


PRODUCT_COLUMNS = (
    "p.remote_id",
    "p.sku",
    "p.name",
    "p.price",
    "p.currency",
    "p.variants",
    "p.product_image",
    "p.in_stock",
    "p.refreshed_at::text",
)

_KNOWN = Statement(
    "SELECT p.id, p.remote_id, p.sku, p.currency, p.is_available, "
    "p.owns_sku, p.owns_sku AND p.refreshed_at >= $5, i.id IS NOT NULL "
    "FROM product p LEFT JOIN basket b ON b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' "
    "LEFT JOIN basket_item i ON i.basket_id = b.id AND i.product_id = p.id "
    # Not `OR (p.owns_sku AND …)`, which keeps PostgreSQL from using both indexes.
    "WHERE p.segment = $2 AND (p.remote_id = ANY($3::int[]) OR p.sku = ANY($4::text[])) "
    "ORDER BY p.refreshed_at, p.id"
)
_KEEP = Statement(
    "INSERT INTO product (remote_id, segment, sku, name, price, currency, variants, product_image, in_stock, "
    "is_available, refreshed_at) SELECT line.remote_id, $1, line.sku, line.name, line.price, line.currency, "
    "line.variants, line.product_image, line.in_stock, line.is_available, $3 FROM jsonb_to_recordset($2::jsonb) AS "
    "line(remote_id int, sku text, name text, price bigint, currency text, variants text, product_image text, "
    "in_stock boolean, is_available boolean) WHERE true ORDER BY line.remote_id "
    "ON CONFLICT (remote_id, segment) DO UPDATE SET sku = excluded.sku, name = excluded.name, price = excluded.price, "
    "currency = excluded.currency, variants = excluded.variants, product_image = excluded.product_image, "
    "in_stock = excluded.in_stock, is_available = excluded.is_available, owns_sku = true, "
    "refreshed_at = excluded.refreshed_at "
    "RETURNING id, remote_id, sku, currency, is_available, true, true, false"
)
# Both lock in the order in which products are written, against deadlocks, and as an UPDATE would,
# which additions that refer to the products do not wait for.
_DISOWN = Statement(
    "UPDATE product SET owns_sku = false WHERE id IN (SELECT id FROM product WHERE segment = $1 "
    "AND owns_sku AND sku = ANY($2::text[]) AND NOT remote_id = ANY($3::int[]) "
    "ORDER BY remote_id FOR NO KEY UPDATE)"
)
_WITHDRAW = Statement(
    "UPDATE product SET is_available = false, refreshed_at = $3 WHERE id IN ("
    "SELECT id FROM product WHERE segment = $1 AND remote_id = ANY($2::int[]) "
    "ORDER BY remote_id FOR NO KEY UPDATE)"
)
_ONE = Statement(f"SELECT {', '.join(PRODUCT_COLUMNS)} FROM product p WHERE p.id = $1")
_VISIBLE = Statement(
    f"SELECT {', '.join(PRODUCT_COLUMNS)} FROM product p WHERE p.remote_id = CAST($2 AS BIGINT) "
    "AND p.segment = CAST($3 AS BIGINT) AND (p.segment = 0 OR EXISTS (SELECT 1 FROM basket_item i "
    "JOIN basket b ON b.id = i.basket_id WHERE i.product_id = p.id AND b.user_id = $1))"
)


def _known(row: Row) -> KnownProduct:
    # SQLite says 0 and 1, which are as good for telling true from false.
    return KnownProduct._make(cast(Iterable[Any], row))


async def known_products(
    user_id: int,
    segment: int,
    remote_ids: Collection[int],
    skus: Collection[str],
    confirmed_since: datetime,
) -> Sequence[KnownProduct]:
    """Reads the products with these keys, the latest confirmed last; unknown ones are absent.

    Products are fresh when Commerce confirmed them after the given timestamp and they own their
    SKUs; one that does not is read by its SKU too. The order holds among KEYS_AT_ONCE keys.
    """
    ids, texts = list(remote_ids), list(skus)
    found: list[KnownProduct] = []
    for first in range(0, max(len(ids), len(texts)), KEYS_AT_ONCE):
        part = slice(first, first + KEYS_AT_ONCE)
        rows = await _KNOWN.rows(user_id, segment, ids[part], texts[part], confirmed_since)
        found += map(_known, rows)
    return found


async def keep_products(
    segment: int, products: Collection[ProductDescription]
) -> Sequence[KnownProduct]:
    """Writes the descriptions that Commerce just gave, always in the same order; returns the rows.

    Other products lose the SKUs that these have now.
    """
    if not products:
        return []
    rows = await _KEEP.rows(segment, orjson.dumps(list(products)).decode(), now())
    skus, remote_ids = zip(*((each.sku, each.remote_id) for each in products), strict=True)
    await _DISOWN.rows(segment, list(skus), list(remote_ids))
    return [_known(row) for row in rows]


async def withdraw_products(segment: int, remote_ids: Collection[int]) -> None:
    """Notes that Commerce no longer sells these products."""
    if remote_ids:
        await _WITHDRAW.rows(segment, sorted(remote_ids), now())


async def product_row(product_id: int) -> Row | None:
    """Reads PRODUCT_COLUMNS of a product by the id of its row."""
    return await _ONE.row(product_id)


async def visible_product(user_id: int, remote_id: int, segment: int) -> Row | None:
    """Reads PRODUCT_COLUMNS of a product, of a segment only if a basket of the user holds it."""
    return await _VISIBLE.row(user_id, remote_id, segment)
