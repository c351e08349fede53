"""Products, as answered."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
import strawberry

from models.database.statement import Moment, Row, moment_text
from models.money import Cents
from schema.node import Node
from schema.scalars import JSON, described


@lru_cache(4_096)
def variants_of(text: str) -> JSON:
    """Reads the column `variants`. The answer is shared: it is for writing, never for changing."""
    return JSON(orjson.loads(text))


@strawberry.type(description="A product of the catalogue, as Commerce last described it.")
class Product(Node):
    id: strawberry.ID = described(
        "The product's id: another one in each segment, and in each submitted basket, which shows it as it was then."
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
    refreshed_at: Moment = described("When Commerce last confirmed this.")

    @classmethod
    def of(
        cls, row: Row | Sequence[Any], identifier: strawberry.ID, first: int = 0
    ) -> "Product":
        """Makes the answer from PRODUCT_COLUMNS, which begin at the column `first`."""
        return cls(
            id=identifier,
            remote_id=row[first],
            sku=row[first + 1],
            name=row[first + 2],
            price=row[first + 3],
            currency=row[first + 4],
            variants=variants_of(row[first + 5]),
            product_image=row[first + 6],
            in_stock=bool(row[first + 7]),
            refreshed_at=moment_text(row[first + 8]),
        )
