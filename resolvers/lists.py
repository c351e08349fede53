"""The caller's lists, a page at a time, newest first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from strawberry import UNSET

from models.basket.read import (
    DRAFTS,
    DRAFTS_BACKWARD,
    OWN_BASKETS,
    count_drafts,
    has_drafts_beyond,
)
from models.database.position import ListPosition
from models.quotation import (
    QuotationRead,
    count_quotations,
    has_quotations_beyond,
    read_quotation_page,
)
from models.timestamps import format_timestamp
from resolvers.baskets import read_baskets
from resolvers.context import Info, active_buyer
from resolvers.requested_fields import selects
from schema.basket import Basket, BasketConnection, BasketEdge
from schema.page import (
    LATEST,
    After,
    Before,
    Cursors,
    First,
    Last,
    PageArguments,
    PageInfo,
    cut,
)
from schema.quotation import Quotation, QuotationConnection, QuotationEdge

Entry = TypeVar("Entry")


class HasBeyond(Protocol):
    """Tells whether a list has entries at a position or beyond, seen from the page it bounds."""

    async def __call__(
        self, user_id: int, position: ListPosition, *, is_backward: bool
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class CallerList(Generic[Entry]):
    """One list of the caller: its name in cursors, its reads, and the position of an entry.

    `read` takes a position, how many entries to read from there, and whether backward.
    """

    name: str
    read: Callable[[Info, ListPosition, int, bool], Awaitable[Sequence[Entry]]]
    has_beyond: HasBeyond
    count: Callable[[int], Awaitable[int]]
    position: Callable[[Entry], tuple[object, ...]]


class ListPage(NamedTuple, Generic[Entry]):
    """The entries of a page with their cursors, and the rest of its connection."""

    entries: Sequence[tuple[Entry, str]]
    page_info: PageInfo
    total_count: int


async def _read_page(
    info: Info, source: CallerList[Entry], arguments: PageArguments
) -> ListPage[Entry]:
    """Reads the requested page of a list, and no more of the rest than is selected."""
    buyer, request = active_buyer(info), arguments.request()
    cursors = Cursors(source.name, buyer.id)
    position = ListPosition(*cursors.moment(request))
    # One more than requested tells whether there are more.
    entries = await source.read(info, position, request.size + 1, request.is_backward)
    page, has_more = cut(entries, request)
    has_beyond = False
    # A page without a cursor begins at the end of the list, beyond which there is nothing.
    if request.cursor is not None and selects(info, "pageInfo"):
        has_beyond = await source.has_beyond(
            buyer.id, position, is_backward=request.is_backward
        )
    written = [cursors.write(*source.position(entry)) for entry in page]
    return ListPage(
        list(zip(page, written, strict=True)),
        PageInfo.at(request, written, has_more=has_more, has_beyond=has_beyond),
        await source.count(buyer.id) if selects(info, "totalCount") else 0,
    )


async def _read_drafts(
    info: Info, position: ListPosition, size: int, is_backward: bool
) -> Sequence[Basket]:
    source = DRAFTS_BACKWARD if is_backward else DRAFTS
    return await read_baskets(
        info,
        source,
        saved_at=position.timestamp,
        basket_id=position.id,
        size=size,
    )


async def _has_drafts_beyond(
    user_id: int, position: ListPosition, *, is_backward: bool
) -> bool:
    return await has_drafts_beyond(user_id, *position, is_backward=is_backward)


async def _read_quotations(
    info: Info, position: ListPosition, size: int, is_backward: bool
) -> Sequence[QuotationRead]:
    return await read_quotation_page(
        info.context.buyer.id, position, size, is_backward=is_backward
    )


async def _find_baskets(info: Info, ids: Sequence[int]) -> dict[int, Basket]:
    baskets = await read_baskets(info, OWN_BASKETS, basket_ids=list(ids))
    return {basket.number: basket for basket in baskets}


_DRAFTS = CallerList(
    "drafts",
    _read_drafts,
    _has_drafts_beyond,
    count_drafts,
    # Every draft was saved; only the type, which all baskets share, allows null.
    lambda draft: (draft.saved_at or format_timestamp(LATEST), draft.number),
)
_QUOTATIONS = CallerList(
    "quotations",
    _read_quotations,
    has_quotations_beyond,
    count_quotations,
    lambda quotation: (format_timestamp(quotation.created_at), quotation.id),
)


async def draft_baskets(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> BasketConnection:
    page = await _read_page(info, _DRAFTS, PageArguments(first, after, last, before))
    return BasketConnection(
        edges=[BasketEdge(node=draft, cursor=cursor) for draft, cursor in page.entries],
        page_info=page.page_info,
        total_count=page.total_count,
    )


async def quotations(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> QuotationConnection:
    page = await _read_page(info, _QUOTATIONS, PageArguments(first, after, last, before))
    baskets = await _find_baskets(info, [row.basket_id for row, _ in page.entries])
    return QuotationConnection(
        edges=[
            QuotationEdge(node=Quotation.of(row, baskets[row.basket_id]), cursor=cursor)
            for row, cursor in page.entries
            # A quotation that is too old may be deleted, with its basket, between the two reads.
            if row.basket_id in baskets
        ],
        page_info=page.page_info,
        total_count=page.total_count,
    )
