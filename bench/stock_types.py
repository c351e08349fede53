"""The types of the stock server: Strawberry over Tortoise, with a resolver per nested object."""

from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any, cast

import orjson
import strawberry
from strawberry.scalars import JSON

from models import division
from models.basket import tables as basket
from models.money import format_amount
from models.product import tables as product


@strawberry.type
class Division:
    row: strawberry.Private[division.Division]
    id: strawberry.ID
    name: str
    erp_code: str
    type: str
    is_active: bool

    @classmethod
    def from_row(cls, row: division.Division) -> "Division":
        """Returns the object of a row."""
        return cls(
            row=row,
            id=strawberry.ID(f"division_{row.id}"),
            name=row.name,
            erp_code=row.erp_code,
            type=row.type.value,
            is_active=row.is_active,
        )

    @strawberry.field
    def parent(self) -> "Division | None":
        return Division.from_row(self.row.parent) if self.row.parent else None


@strawberry.type
class Product:
    remote_id: int
    sku: str
    name: str | None
    price: str
    currency: str
    variants: JSON
    product_image: str | None
    in_stock: bool
    refreshed_at: datetime

    @classmethod
    def from_row(cls, row: product.Product) -> "Product":
        """Returns the object of a row."""
        return cls(
            remote_id=row.remote_id,
            sku=row.sku,
            name=row.name,
            price=format_amount(row.price),
            currency=row.currency,
            variants=JSON(orjson.loads(row.variants)),
            product_image=row.product_image,
            in_stock=row.in_stock,
            refreshed_at=row.refreshed_at,
        )


def prefetched_items(row: basket.Basket) -> list[basket.BasketItem]:
    """Returns the prefetched items; Tortoise adds the attribute, which is not in the types."""
    return list(cast(Any, row).items)


def prefetched_quantities(row: basket.BasketItem) -> list[basket.BasketItemDivision]:
    """Returns the prefetched quantities."""
    return list(cast(Any, row).divisions)


@strawberry.type
class BasketItemDivision:
    row: strawberry.Private[basket.BasketItemDivision]
    quantity: int
    total_amount: str

    @strawberry.field
    def division(self) -> Division:
        return Division.from_row(self.row.division)


@strawberry.type
class BasketItem:
    row: strawberry.Private[basket.BasketItem]
    id: strawberry.ID
    price: str

    @classmethod
    def from_row(cls, row: basket.BasketItem) -> "BasketItem":
        """Returns the object of a row and its prefetched rows."""
        return cls(
            row=row, id=strawberry.ID(f"item_{row.id}"), price=format_amount(row.price)
        )

    @strawberry.field
    def product_remote_id(self) -> int:
        return self.row.product.remote_id

    @strawberry.field
    def quantity(self) -> int:
        return total_pieces(self.row)

    @strawberry.field
    def total_amount(self) -> str:
        return format_amount(self.row.price * total_pieces(self.row))

    @strawberry.field
    def product(self) -> Product:
        return Product.from_row(self.row.product)

    @strawberry.field
    def divisions(self) -> list[BasketItemDivision]:
        price = self.row.price
        return [
            BasketItemDivision(
                row=part,
                quantity=part.quantity,
                total_amount=format_amount(price * part.quantity),
            )
            for part in sorted(prefetched_quantities(self.row), key=lambda part: part.id)
        ]


def total_pieces(row: basket.BasketItem) -> int:
    """Returns the sum of the quantities of an item."""
    return sum(part.quantity for part in prefetched_quantities(row))


@strawberry.type
class Basket:
    row: strawberry.Private[basket.Basket]
    id: strawberry.ID
    status: str
    name: str | None
    segment_remote_id: int | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: basket.Basket) -> "Basket":
        """Returns the object of a row and its prefetched rows."""
        return cls(
            row=row,
            id=strawberry.ID(f"basket_{row.id}"),
            status=row.status.value,
            name=row.name,
            segment_remote_id=row.segment or None,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @strawberry.field
    def currency(self) -> str | None:
        return next((item.currency for item in prefetched_items(self.row)), None)

    @strawberry.field
    def total_amount(self) -> str:
        return format_amount(
            sum(item.price * total_pieces(item) for item in prefetched_items(self.row))
        )

    @strawberry.field
    def total_quantity(self) -> int:
        return sum(total_pieces(item) for item in prefetched_items(self.row))

    @strawberry.field
    def item_count(self) -> int:
        return len(prefetched_items(self.row))

    @strawberry.field
    def items(self) -> list[BasketItem]:
        return [
            BasketItem.from_row(item)
            for item in sorted(prefetched_items(self.row), key=lambda item: item.id)
        ]


@strawberry.type
class BasketEdge:
    node: Basket
    cursor: str

    @classmethod
    def from_row(cls, row: basket.Basket) -> "BasketEdge":
        """Returns the object of a row."""
        user_id, saved = (
            cast(Any, row).user_id,
            row.saved_at.isoformat() if row.saved_at else "",
        )
        position = f"drafts {user_id} {saved} {row.id}"
        return cls(
            node=Basket.from_row(row),
            # The same cursor as ours, so that the answers can be compared.
            cursor=urlsafe_b64encode(position.encode()).decode().rstrip("="),
        )


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class BasketConnection:
    edges: list[BasketEdge]
    page_info: PageInfo
    total_count: int


@strawberry.type
class UserError:
    code: str
    message: str
    field: list[str]


@strawberry.type
class BasketItemsAddPayload:
    basket: Basket | None
    user_errors: list[UserError]


@strawberry.input
class BasketItemInput:
    product_remote_id: int
    division_id: strawberry.ID
    quantity: int = 1


@strawberry.input
class BasketItemsAddInput:
    items: list[BasketItemInput]


def page_from_rows(rows: list[Any], size: int, total_count: int) -> BasketConnection:
    """Returns a page of `size` from one row more than that."""
    edges = [BasketEdge.from_row(row) for row in rows[:size]]
    info = PageInfo(
        has_next_page=len(rows) > size,
        has_previous_page=False,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return BasketConnection(edges=edges, page_info=info, total_count=total_count)
