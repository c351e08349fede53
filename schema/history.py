"""The history of a basket, as it is shown."""

from enum import StrEnum
from typing import TypeVar

import strawberry
from graphql import GraphQLError
from strawberry import UNSET

from models.history.read import ActorRead, ChangeRead
from models.history.tables import ChangeKind, ChangeOrigin
from models.money import Cents
from models.timestamps import Timestamp, format_timestamp
from schema.division import Division
from schema.node import IdKind, Node, id_of
from schema.page import (
    DEFAULT_LINE_PAGE,
    After,
    Before,
    First,
    Last,
    PageArguments,
    PageInfo,
    PreparedPages,
)
from schema.scalars import describe_enum, described

UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
"""The code of the error for a change, or lines of one, that another release has stored."""

describe_enum(
    ChangeKind,
    "What made a version of a basket.",
    name="BasketChangeKind",
    ITEMS_ADDED="Products were added by `basketItemsAdd`.",
    ITEMS_SET="Quantities were set by `basketItemsSet`.",
    ITEM_UPDATED="The quantity of a product for a division was set by `basketItemUpdate`.",
    ITEM_REMOVED="A product was removed by `basketItemRemove`.",
    CLEARED="Everything was removed by `basketClear`.",
    IMPORTED="Products were added from a spreadsheet by `basketImport`.",
    COPIED="The items of another basket were put in by `basketCopy`.",
    REVERTED="Quantities were put back to an earlier version by `basketRevert`.",
    REFRESHED="Prices were changed by `basketRefresh`.",
    SAVED="The basket became a draft, by `basketSave` or because another one was loaded.",
    RENAMED="The draft got another name by `basketRename`.",
    LOADED="The draft became the active basket by `basketLoad`.",
    SUBMITTED="The basket was submitted by `quotationRequest`.",
)
describe_enum(
    ChangeOrigin,
    "The interface through which a change came.",
    name="BasketChangeOrigin",
    GRAPHQL="The change came through GraphQL.",
    REST="The change came through the REST interface.",
    COMMAND_LINE="An operator made the change on the command line.",
)


@strawberry.type(
    description="The author of a change. Not the same object as Viewer: its id is its own, "
    "and `node` answers it only for those who may read a basket with a change by them."
)
class Actor(Node):
    id: strawberry.ID = described("The id of the user as an author.")
    email: str = described("The user's e-mail address.")
    first_name: str = described("The user's first name.")
    last_name: str = described("The user's last name.")

    @classmethod
    def of(cls, read: ActorRead) -> "Actor":
        """Makes the type from the row of a user."""
        return cls(
            id=id_of(IdKind.ACTOR, read.id),
            email=read.email,
            first_name=read.first_name,
            last_name=read.last_name,
        )


@strawberry.type(
    description="A product and division before and after a change. "
    "Without a division it is the unit price that changed."
)
class BasketChangeLine:
    product_remote_id: int = described("The product's identifier in Commerce.")
    sku: str = described("The product's stock keeping unit.")
    division: Division | None = described(
        "The division of the quantities; null when the unit price changed."
    )
    quantity_before: int = described(
        "The quantity before the change, without a division that of the whole item."
    )
    quantity_after: int = described("The same quantity after the change.")
    price_before: Cents | None = described(
        "The unit price before the change; null when the basket did not hold the product."
    )
    price_after: Cents | None = described(
        "The unit price after the change; null when the basket does not hold the product."
    )
    currency_before: str | None = described(
        "The currency of the price before the change; null without that price."
    )
    currency_after: str | None = described(
        "The currency of the price after the change; null without that price."
    )


@strawberry.type(description="A changed line in a page, with its cursor.")
class BasketChangeLineEdge:
    node: BasketChangeLine = described("The line.")
    cursor: str = described("Where the line stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of the lines of a change.")
class BasketChangeLineConnection:
    edges: list[BasketChangeLineEdge] = described("The lines of the page.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many lines the whole list has.")


@strawberry.type(
    description="One version of a basket: who made it, when, how, and the lines it changed. "
    "A basket displaced by a load gets the kind SAVED."
)
class BasketChange(Node):
    id: strawberry.ID = described("The change's id.")
    version: int = described("The version that the change made.")
    by: Actor | None = described(
        "The user who made it; null when they have been erased, and for the command line."
    )
    created_at: Timestamp = described("When the change was made.")
    currency: str | None = described(
        "The currency of the basket after the change; null when it was empty."
    )
    total_amount: Cents = described("The total amount of the basket after the change.")
    total_quantity: int = described("The sum of all its quantities after the change.")
    line_count: int = described("How many lines changed.")
    line_pages: strawberry.Private[PreparedPages[BasketChangeLineConnection]]
    number: strawberry.Private[int]
    stored_kind: strawberry.Private[str]
    stored_origin: strawberry.Private[str]

    @strawberry.field(description="What the change was.")
    def kind(self) -> ChangeKind:
        return _known(ChangeKind, "kind", self.stored_kind)

    @strawberry.field(description="The interface through which it came.")
    def origin(self) -> ChangeOrigin:
        return _known(ChangeOrigin, "origin", self.stored_origin)

    @strawberry.field(
        description="The lines that changed, in the order of the input, at most 100 a page."
    )
    def lines(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> BasketChangeLineConnection:
        request = PageArguments(first, after, last, before).request(DEFAULT_LINE_PAGE)
        return self.line_pages.take(request)

    @classmethod
    def of(cls, read: ChangeRead) -> "BasketChange":
        """Makes the type from the row of a change; pages of its lines are put in later."""
        return cls(
            id=id_of(IdKind.CHANGE, read.id),
            version=read.version,
            stored_kind=read.kind,
            stored_origin=read.origin,
            by=Actor.of(read.actor) if read.actor else None,
            created_at=format_timestamp(read.created_at),
            currency=read.currency,
            total_amount=Cents(read.total_amount),
            total_quantity=read.total_quantity,
            line_count=read.line_count,
            line_pages=PreparedPages(),
            number=read.id,
        )


AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


def _known(enum: type[AnyEnum], name: str, stored: str) -> AnyEnum:
    """Returns a stored word; raises UNKNOWN_FORMAT for one that only a newer server knows."""
    try:
        return enum(stored)
    except ValueError:
        message = f"The {name} of a change is {stored}, which this server does not know."
        raise GraphQLError(message, extensions={"code": UNKNOWN_FORMAT}) from None


@strawberry.type(description="A change in a page, with its cursor.")
class BasketChangeEdge:
    node: BasketChange = described("The change.")
    cursor: str = described("Where the change stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of the changes of a basket.")
class BasketChangeConnection:
    edges: list[BasketChangeEdge] = described("The changes of the page, newest first.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many changes the history of the basket has.")
