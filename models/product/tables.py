"""Products as Commerce last described them.

There is a row per product and customer segment, for prices depend on it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from tortoise import fields

from models.database.columns import ColumnKind, Columns
from models.database.statements import Row, load_statements
from models.database.table import Table
from models.timestamps import now

NO_SEGMENT = 0
"""The column `segment` of no segment: unlike NULL it equals itself, so unique indexes hold it."""


class Product(Table):
    """A product's row. The price is in hundredths and the variants are JSON text.

    A product is available unless Commerce said that it is not sold (now, or any longer). It owns
    its SKU until Commerce says that another product of the segment has it: what the row says is
    then out of date, and the SKU no longer names it. A negative segment belongs to a snapshot: see
    `snapshot.py`. The database keeps another column by itself, `revision`, which stands for what is
    shown of the row. The stock is how many pieces Commerce has, null where it says no number.
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
    stock = fields.IntField(null=True)
    is_available = fields.BooleanField()
    owns_sku = fields.BooleanField(db_default=True)
    refreshed_at = fields.DatetimeField()

    class Meta:
        table = "product"
        unique_together = (("remote_id", "segment"),)
        indexes = (("sku", "segment"),)


PRODUCT = Columns(
    Product,
    hidden=("id", "owns_sku"),
    price=ColumnKind.MONEY,
    variants=ColumnKind.JSON,
)
"""The shown columns of a product, its segment, and those that problems of a basket come from."""

DESCRIBED = Columns(
    Product,
    hidden=("id", "segment", "owns_sku", "refreshed_at"),
    price=ColumnKind.MONEY,
    variants=ColumnKind.JSON,
)
"""The description that Commerce gives of a product."""

_STATEMENTS = load_statements(
    __file__,
    shown=PRODUCT.select("p"),
    described=", ".join(DESCRIBED.names),
    extracted=", ".join(f"json_extract(value, '$.{name}')" for name in DESCRIBED.names),
    replaced=", ".join(f"{name} = excluded.{name}" for name in DESCRIBED.names),
)

KEYS_AT_ONCE = 1_000
"""Products read by one statement: reading many thousands would keep other buyers waiting."""


class KnownProduct(NamedTuple):
    """The part of a product's row that adding it to a basket needs.

    It is fresh when Commerce confirmed it lately and its SKU is still its own, and its SKU is fresh
    for a shorter time.
    """

    id: int
    remote_id: int
    sku: str
    currency: str
    is_available: bool
    owns_sku: bool
    is_fresh: bool
    is_sku_fresh: bool
    is_in_basket: bool


class Confirmed(NamedTuple):
    """The oldest confirmations by Commerce that count: of a product, and of a SKU as its name."""

    since: datetime
    sku_since: datetime


_pick_known = itemgetter(*KnownProduct._fields)


def _known_products(rows: Sequence[Row]) -> Iterator[KnownProduct]:
    # SQLite says 0 and 1, which are as good for telling true from false.
    return (KnownProduct(*_pick_known(row)) for row in rows)


async def known_products(
    user_id: int,
    segment: int,
    remote_ids: Collection[int],
    skus: Collection[str],
    confirmed: Confirmed,
) -> Sequence[KnownProduct]:
    """Reads the products with these keys, the latest confirmed last; unknown ones are absent.

    Products are fresh when Commerce confirmed them after the given timestamps and they own their
    SKUs; one that does not is read by its SKU too. The order holds among KEYS_AT_ONCE keys.
    """
    ids, texts = list(remote_ids), list(skus)
    products: list[KnownProduct] = []
    for first in range(0, max(len(ids), len(texts)), KEYS_AT_ONCE):
        part = slice(first, first + KEYS_AT_ONCE)
        rows = await _STATEMENTS["known_products"].rows(
            user_id=user_id,
            segment=segment,
            remote_ids=ids[part],
            skus=texts[part],
            confirmed_since=confirmed.since,
            sku_confirmed_since=confirmed.sku_since,
        )
        products += _known_products(rows)
    return products


async def store_products(
    segment: int, products: Sequence[Mapping[str, Any]]
) -> Sequence[KnownProduct]:
    """Writes the descriptions that Commerce just gave, by the names of DESCRIBED; returns the rows.

    Other products lose the SKUs that these have now.
    """
    if not products:
        return []
    rows = await _STATEMENTS["store_products"].rows(
        segment=segment, products=orjson.dumps(products).decode(), refreshed_at=now()
    )
    # Until this ends, two rows may own one SKU; adding by it then takes the slow path.
    await _STATEMENTS["disown_skus"].rows(
        segment=segment,
        skus=[product["sku"] for product in products],
        remote_ids=[product["remote_id"] for product in products],
    )
    return list(_known_products(rows))


async def withdraw_products(segment: int, remote_ids: Collection[int]) -> None:
    """Notes that Commerce no longer sells these products."""
    if remote_ids:
        await _STATEMENTS["withdraw_products"].rows(
            segment=segment, remote_ids=sorted(remote_ids), refreshed_at=now()
        )


async def find_product(product_id: int) -> Row | None:
    """Reads the columns of PRODUCT by the id of the row."""
    return await _STATEMENTS["product"].row(product_id=product_id)


async def find_visible_product(user_id: int, remote_id: int, segment: int) -> Row | None:
    """Reads the columns of PRODUCT; of a segment only if a basket of the user holds it."""
    return await _STATEMENTS["visible_product"].row(
        user_id=user_id, remote_id=remote_id, segment=segment
    )


async def products_shown(ids: Collection[int]) -> Sequence[Row]:
    """Reads the id, the revision and the columns of PRODUCT of these rows."""
    return await _STATEMENTS["products_shown"].rows(ids=list(ids))


class ProductKeys(NamedTuple):
    """The keys by which a product is named."""

    remote_id: int
    sku: str


async def product_keys(ids: Collection[int]) -> Mapping[int, ProductKeys]:
    """Reads the keys of products by the ids of their rows."""
    rows = await _STATEMENTS["product_keys"].rows(ids=list(ids)) if ids else ()
    return {row["id"]: ProductKeys(row["remote_id"], row["sku"]) for row in rows}
