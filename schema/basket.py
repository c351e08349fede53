"""Baskets, as they are shown."""

from collections.abc import Sequence
from typing import Annotated, cast

import strawberry
from strawberry import UNSET

from models.basket.rows import BasketSince
from models.basket.tables import BasketStatus
from models.history.difference import find_difference
from models.money import Cents
from models.timestamps import Timestamp
from schema.basket_item import BasketItem, BasketItemConnection, BasketItemEdge
from schema.basket_problem import BasketProblem, ProblemSeverity
from schema.history import BasketChangeConnection
from schema.item_rows import ItemRows, numbers_of
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
    PreparedPages,
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


@strawberry.type(
    description="The difference between a version that a client has and the basket now. "
    "To apply it: drop `removedItemIds`, replace items with equal ids, "
    "append the rest in their order. "
    "It tells changes of the basket; a product's description is not one of them."
)
class BasketDelta:
    since_version: int = described(
        "The version that the difference starts from; 0 when `isComplete`."
    )
    basket: "Basket" = described(
        "The basket as it is now; read `version` from it for the next call."
    )
    items: list[BasketItem] = described(
        "Items that are new or changed, as they are now. "
        "An item that was removed and added again has a new id and comes last."
    )
    removed_item_ids: list[strawberry.ID] = described(
        "Items that are no longer in the basket."
    )
    is_complete: bool = described(
        "True when the history does not reach back to the given version, "
        "or knows nothing of it: `items` is then every item, and replaces what the client has."
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
    since: strawberry.Private[BasketSince | None]
    found_problems: strawberry.Private[list[BasketProblem]]
    change_pages: strawberry.Private[PreparedPages[BasketChangeConnection]]

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

    @strawberry.field(
        description="What stands in the way of a good order, without changing anything and "
        "without asking Commerce: moved prices, sold out products, closed divisions. "
        "A submitted basket has no problems."
    )
    def problems(self) -> list[BasketProblem]:
        return self.found_problems

    @strawberry.field(
        description="Whether `quotationRequest` would accept the basket as it is: "
        "no problem is BLOCKING, and it is neither empty nor submitted."
    )
    def is_submittable(self) -> bool:
        severities = {problem.severity for problem in self.found_problems}
        is_open = self.status is not BasketStatus.SUBMITTED and self.item_count > 0
        return is_open and ProblemSeverity.BLOCKING not in severities

    @strawberry.field(
        description="What happened to the basket, newest first; "
        "versions older than the history is stored for are left out."
    )
    def changes(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> BasketChangeConnection:
        return self.change_pages.take(PageArguments(first, after, last, before).request())

    @strawberry.field(
        description="What differs from the version that the client has: "
        "the fields and items to replace, the products to drop."
    )
    def delta(
        self,
        since_version: Annotated[
            int, strawberry.argument(description="The `version` that the client has.")
        ],
    ) -> BasketDelta:
        return find_delta(self, since_version)


def find_delta(basket: Basket, since_version: int) -> BasketDelta:
    """Returns the difference between a version and a basket that was read with its changes."""
    since = basket.since
    difference = find_difference(since, since_version) if since else None
    if since is None or difference is None:
        return BasketDelta(
            since_version=0,
            basket=basket,
            items=basket.items,
            removed_item_ids=[],
            is_complete=True,
        )
    removed = [id_of(IdKind.BASKET_ITEM, item_id) for item_id in difference.removed]
    return BasketDelta(
        since_version=since_version,
        basket=basket,
        items=_pick_items(since, difference.changed),
        removed_item_ids=removed,
        is_complete=False,
    )


def _pick_items(since: BasketSince, indexes: Sequence[int]) -> list[BasketItem]:
    if not indexes or since.items is None:
        return []
    # A sequence that makes its items when they are used, which the declared type cannot say.
    return cast(list[BasketItem], ItemRows(since.items.pick(indexes)))


@strawberry.type(description="A basket in a page, with its cursor.")
class BasketEdge:
    node: Basket = described("The basket.")
    cursor: str = described("Where the basket stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of baskets.")
class BasketConnection:
    edges: list[BasketEdge] = described("The baskets of the page.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many baskets the whole list has.")
