"""The facts of a request that resolvers share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from strawberry.types import Info as StrawberryInfo

from commerce.client import CommerceClient
from models.basket.catalogue import Catalogue
from models.basket.check import BasketChecks, State, Subject
from models.history.tables import ChangeOrigin
from models.live.hub import Hub
from models.product.tables import NO_SEGMENT
from models.rejections import Rejection, RejectionCode
from models.user import Buyer
from resolvers.live_read import LiveRead
from settings.options import Options
from tasks.exports.exports import Exports
from tasks.spreadsheets.reading import SpreadsheetReader
from text import find_flaw, is_blank, quote


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that the settings decide.

    `needs_approval` is whether the quotations of sub-divisions await approval, `product_age` the
    time for which a confirmation by Commerce is good, `sku_age` the same for products named by
    their SKUs, and `exports_waiting` the highest number of unfinished exports per user.
    """

    needs_approval: bool
    product_age: timedelta
    sku_age: timedelta
    exports_waiting: int

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the rules that the settings describe."""
        product_seconds = options.product_maximum_age_seconds
        return cls(
            options.quotation_approval,
            timedelta(seconds=product_seconds),
            timedelta(seconds=min(product_seconds, options.sku_maximum_age_seconds)),
            options.export_maximum_waiting,
        )


# Frozen, it would take five times as long to make, once per request.
@dataclass(slots=True)
class Context:
    """The authenticated buyer, the interface they use, and the services that a request needs.

    `selected` caches, by name and the identities of a field's nodes, which parts a document
    selects. `rejections` collects the codes of all rejections of the request, and `accepted` the
    names of the changes that were made. `states` has the states of the reads that can be checked,
    None for one that gave two states. `live` is there in subscriptions only.
    """

    buyer: Buyer
    commerce: CommerceClient
    exports: Exports
    spreadsheets: SpreadsheetReader
    policy: Policy
    catalogue: Catalogue
    checks: BasketChecks
    hub: Hub
    origin: ChangeOrigin
    selected: dict[tuple[object, ...], Any] = field(default_factory=dict)
    rejections: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    states: dict[Subject, State | None] = field(default_factory=dict)
    live: LiveRead | None = None

    @classmethod
    def from_state(
        cls,
        buyer: Buyer,
        state: Mapping[str, Any],
        origin: ChangeOrigin,
        *,
        selected: dict[tuple[object, ...], Any] | None = None,
        live: LiveRead | None = None,
    ) -> Self:
        """Makes the context of a request with the services in the application's state."""
        return cls(
            buyer,
            state["commerce"],
            state["exports"],
            state["spreadsheets"],
            state["policy"],
            state["catalogue"],
            state["checks"],
            state["hub"],
            origin,
            {} if selected is None else selected,
            live=live,
        )

    def note_state(self, subject: Subject, state: State | None) -> None:
        """Notes the state of a read; two aliases of one field may have read two states."""
        is_same = self.states.setdefault(subject, state) == state
        if not is_same:
            self.states[subject] = None


Info = StrawberryInfo[Context, None]


def active_buyer(info: Info) -> Buyer:
    """Returns the buyer; raises DIVISION_INACTIVE when their division is closed."""
    buyer = info.context.buyer
    buyer.check_active()
    return buyer


def live_read(info: Info) -> LiveRead:
    """Returns the reading that a subscription's resolver is called for."""
    live = info.context.live
    if live is None:
        raise RuntimeError("A subscription is not executed as a query.")
    return live


def parse_segment(segment_remote_id: int | None) -> int:
    """Returns the column's value for a segment; raises INVALID_INPUT unless it is positive."""
    if segment_remote_id is None:
        return NO_SEGMENT
    if segment_remote_id < 1:
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            f"Segment {segment_remote_id} is not a positive number.",
            "segmentRemoteId",
        )
    return segment_remote_id


def check_text(text: str, name: str, *field: str) -> None:
    """Raises INVALID_INPUT, which calls the text by its name, when it is blank or not accepted."""
    if is_blank(text):
        raise Rejection(
            RejectionCode.INVALID_INPUT, f"The {name} {quote(text)} is blank.", *field
        )
    if flaw := find_flaw(text):
        raise Rejection(RejectionCode.INVALID_INPUT, f"The {name} {flaw}.", *field)
