"""Baskets, as they are shown."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

import strawberry
from strawberry import UNSET

from models.basket.rows import BasketRows, BasketSummary, FullBasket
from models.basket.tables import BASKET, BasketStatus
from models.money import Cents
from models.timestamps import Timestamp
from schema.basket_item import BasketItem, BasketItemConnection, BasketItemEdge
from schema.columns import column_fields, field_reader
from schema.execution.item_rows import ItemRows, numbers_of
from schema.node import IdKind, Node, id_of
from schema.page import (
    DEFAULT_ITEM_PAGE,
    After,
    Before,
    Cursors,
    First,
    Last,
    PageArguments,
    PageInfo,
    part_of,
)
from schema.scalars import describe_enum, described

describe_enum(
    BasketStatus,
    "What can be done with a basket.",
    ACTIVE="Products are added to it; there is at most one a user and segment.",
    DRAFT="It is saved, and can be loaded or deleted.",
    SUBMITTED="It became a quotation request and can no longer change.",
)


class ItemsNotRead(list[BasketItem]):
    """Placeholder for items that were not loaded; iterating it is a bug."""

    def __iter__(self) -> Iterator[BasketItem]:
        raise RuntimeError(
            "Only the summary of this basket was read, and its items are selected."
        )


@strawberry.type(
    description="What a user wants to purchase: products with quantities for divisions."
)
class Basket(Node):
    id: strawberry.ID = described("The basket's id.")
    status: BasketStatus = described(
        "Whether the basket can be changed, loaded, or neither."
    )
    name: str | None = described(
        "The name given when the basket was saved; null when it never was."
    )
    segment_remote_id: int | None = described(
        "The customer segment the basket belongs to; null for none."
    )
    currency: str | None = described("The one currency of all items; null while empty.")
    total_amount: Cents = described("The sum of the items' total amounts.")
    total_quantity: int = described("The sum of all quantities.")
    item_count: int = described("How many different products the basket holds.")
    items: list[BasketItem] = described(
        "Every item, in the order first added; at most 10,000."
    )
    version: int = described(
        "Grows by one with every change. Send it back as `expectedVersion` "
        "to be told of a change you have not seen."
    )
    created_at: Timestamp = described("When the first product was added.")
    updated_at: Timestamp = described("When the basket last changed.")
    saved_at: strawberry.Private[Timestamp | None]
    number: strawberry.Private[int]

    @strawberry.field(
        description="The same items, a page at a time: 50 when neither `first` nor `last` is given."
    )
    def items_page(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> BasketItemConnection:
        request = PageArguments(first, after, last, before).request(DEFAULT_ITEM_PAGE)
        cursors = Cursors("items", self.id)
        # Items are in the order of their ids, so a cursor survives the removal of items before it.
        numbers = numbers_of(self.items)
        part = part_of(numbers, request, cursors.number(request))
        edges = [
            BasketItemEdge(node=item, cursor=cursors.write(number))
            for item, number in zip(
                self.items[part.begin : part.end],
                numbers[part.begin : part.end],
                strict=True,
            )
        ]
        info = PageInfo.of(
            [edge.cursor for edge in edges],
            has_next=part.has_next,
            has_previous=part.has_previous,
        )
        return BasketItemConnection(
            edges=edges, page_info=info, total_count=self.item_count
        )

    @strawberry.field(
        description="The item that holds a product; null when the basket does not hold it."
    )
    def item(
        self,
        product_remote_id: Annotated[
            int, strawberry.argument(description="The product's identifier in Commerce.")
        ],
    ) -> BasketItem | None:
        return next(
            (item for item in self.items if item.product_remote_id == product_remote_id),
            None,
        )


_read_columns = field_reader(
    column_fields(
        Basket, BASKET, computed=("id", "number", "status", "segment_remote_id", "items")
    )
)
# A look-up takes a tenth of the time of calling the enum.
_STATUSES = {status.value: status for status in BasketStatus}
_ITEMS_NOT_READ = ItemsNotRead()


def baskets_from_rows(read: BasketRows) -> list[Basket]:
    """Makes the baskets that were read, in their order."""
    return [
        _full_basket(basket) if isinstance(basket, FullBasket) else _summary(basket)
        for basket in read.baskets
    ]


def _summary(basket: BasketSummary) -> Basket:
    return Basket(items=_ITEMS_NOT_READ, **_own_fields(basket.columns))


def _full_basket(basket: FullBasket) -> Basket:
    # A sequence that makes its items when they are used, which the declared type cannot say.
    items = cast(list[BasketItem], ItemRows(basket))
    return Basket(items=items, **_own_fields(basket.columns))


def _own_fields(columns: Mapping[str, Any]) -> dict[str, Any]:
    values = _read_columns(columns)
    values["id"] = id_of(IdKind.BASKET, columns["id"])
    values["number"] = columns["id"]
    values["status"] = _STATUSES[columns["status"]]
    # No segment is stored as 0, because a unique index takes two nulls for different.
    values["segment_remote_id"] = columns["segment"] or None
    return values


@strawberry.type(description="A basket in a page, with its cursor.")
class BasketEdge:
    node: Basket = described("The basket.")
    cursor: str = described("Where the basket stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of baskets.")
class BasketConnection:
    edges: list[BasketEdge] = described("The baskets of the page.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many baskets the whole list has.")
