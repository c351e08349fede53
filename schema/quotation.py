"""Quotations, as they are shown."""

import strawberry

from models.money import Cents
from models.quotation import QuotationRead, QuotationStatus
from models.timestamps import Timestamp, format_timestamp
from schema.basket import Basket
from schema.node import IdKind, Node, id_of
from schema.page import PageInfo
from schema.scalars import describe_enum, described

describe_enum(
    QuotationStatus,
    "Whose turn it is with a quotation.",
    PENDING="The seller is to answer it.",
    AWAITING_APPROVAL="The buyer's main division is to approve it first.",
)


@strawberry.type(
    description="A quotation request: a submitted basket, as it stood when it was submitted."
)
class Quotation(Node):
    id: strawberry.ID = described("The quotation's id.")
    number: str = described("The quotation's number, for a person; unique.")
    name: str = described("The name given by the buyer.")
    status: QuotationStatus = described(
        "PENDING for a main division; AWAITING_APPROVAL for a sub-division, "
        "unless approval is switched off."
    )
    total_amount: Cents = described("The total amount of the basket when it was submitted.")
    currency: str = described("The currency of the total amount.")
    basket: Basket = described("The submitted basket.")
    created_at: Timestamp = described("When the quotation was requested.")

    @classmethod
    def of(cls, read: QuotationRead, basket: Basket) -> "Quotation":
        """Makes the type from a quotation's row, and its basket."""
        return cls(
            id=id_of(IdKind.QUOTATION, read.id),
            number=f"Q-{read.id:06d}",
            name=read.name,
            status=QuotationStatus(read.status),
            total_amount=Cents(read.total_amount),
            currency=read.currency,
            basket=basket,
            created_at=format_timestamp(read.created_at),
        )


@strawberry.type(description="A quotation in a page, with its cursor.")
class QuotationEdge:
    node: Quotation = described("The quotation.")
    cursor: str = described(
        "Where the quotation stands in the list, to be sent as `after`."
    )


@strawberry.type(description="A page of quotations.")
class QuotationConnection:
    edges: list[QuotationEdge] = described("The quotations of the page.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many quotations the whole list has.")
