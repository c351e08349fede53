"""Products, as they are shown."""

from typing import Any

import strawberry

from models.money import Cents
from models.product.tables import PRODUCT
from models.timestamps import Timestamp
from schema.columns import column_fields, field_reader
from schema.node import IdKind, Node, id_of
from schema.scalars import JSON, described


@strawberry.type(description="A product of the catalogue, as Commerce last described it.")
class Product(Node):
    id: strawberry.ID = described(
        "The product's id: another one in each segment, and in each submitted basket, "
        "which shows it as it was then."
    )
    remote_id: int = described("The product's identifier in Commerce.")
    sku: str = described("The product's stock keeping unit, unique in Commerce.")
    name: str | None = described("The product's name; null when Commerce has none.")
    price: Cents = described(
        "The unit price in Commerce, which may differ from the price of an item added earlier."
    )
    currency: str = described(
        "The currency of the price, in lower case as Commerce writes it."
    )
    variants: JSON = described(
        "What tells this product from its variants, by name; an empty object when nothing does."
    )
    product_image: str | None = described(
        "The address of the product's first image; null when there is none."
    )
    in_stock: bool = described("Whether Commerce has the product in stock.")
    refreshed_at: Timestamp = described("When Commerce last confirmed this.")

    @classmethod
    def of(cls, columns: Any, item_number: int | None = None) -> "Product":
        """Makes the product from the columns of PRODUCT; a snapshot is one of its basket's item."""
        return cls(id=product_id(columns, item_number), **_read_columns(columns))


def product_id(columns: Any, item_number: int | None = None) -> strawberry.ID:
    """Returns the id of a product, or of the snapshot that an item of a submitted basket shows."""
    if item_number is not None:
        return id_of(IdKind.PRODUCT_SNAPSHOT, item_number)
    return id_of(IdKind.PRODUCT, columns["remote_id"], columns["segment"] or None)


FIELDS = column_fields(Product, PRODUCT, computed=("id",))
_read_columns = field_reader(FIELDS)
