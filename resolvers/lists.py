"""The caller's lists, a page at a time, newest first."""

from strawberry import UNSET

from models.basket.read import DRAFTS, DRAFTS_BACKWARD, OWN, draft_count, has_drafts_beyond
from models.database.statement import moment_text
from models.quotation import (
    QUOTATION_BASKET,
    has_quotations_beyond,
    quotation_count,
    quotation_page,
    quotation_page_before,
)
from resolvers.context import Info, active_buyer
from resolvers.requested_fields import selects, selects_items
from schema.basket import Basket, BasketConnection, BasketEdge, baskets_of
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


async def draft_baskets(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> BasketConnection:
    buyer, request = active_buyer(info), PageArguments(first, after, last, before).request()
    cursors = Cursors("drafts", buyer.id)
    position = cursors.moment(request)
    source = DRAFTS_BACKWARD if request.is_backward else DRAFTS
    read = await source.rows(
        buyer.id, *position, request.size + 1, whole=selects_items(info)
    )
    page, has_more = cut(baskets_of(read), request)
    has_beyond = False
    if request.cursor is not None and selects(info, "pageInfo"):
        has_beyond = await has_drafts_beyond(
            buyer.id, *position, is_backward=request.is_backward
        )
    edges = [_draft_edge(draft, cursors) for draft in page]
    return BasketConnection(
        edges=edges,
        page_info=PageInfo.at(
            request,
            [edge.cursor for edge in edges],
            has_more=has_more,
            has_beyond=has_beyond,
        ),
        total_count=await draft_count(buyer.id) if selects(info, "totalCount") else 0,
    )


def _draft_edge(draft: Basket, cursors: Cursors) -> BasketEdge:
    moment = draft.saved_at or moment_text(LATEST)
    return BasketEdge(node=draft, cursor=cursors.write(moment, draft.number))


async def quotations(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> QuotationConnection:
    buyer, request = active_buyer(info), PageArguments(first, after, last, before).request()
    cursors = Cursors("quotations", buyer.id)
    position = cursors.moment(request)
    source = quotation_page_before if request.is_backward else quotation_page
    rows, has_more = cut(await source(buyer.id, *position, request.size + 1), request)
    has_beyond = False
    if request.cursor is not None and selects(info, "pageInfo"):
        has_beyond = await has_quotations_beyond(
            buyer.id, *position, is_backward=request.is_backward
        )
    ids = [row[QUOTATION_BASKET] for row in rows]
    baskets = baskets_of(await OWN.rows(buyer.id, ids, whole=selects_items(info)))
    by_number = {basket.number: basket for basket in baskets}
    nodes = [Quotation.of(row, by_number[row[QUOTATION_BASKET]]) for row in rows]
    edges = [
        QuotationEdge(node=node, cursor=cursors.write(node.created_at, row[0]))
        for node, row in zip(nodes, rows, strict=True)
    ]
    return QuotationConnection(
        edges=edges,
        page_info=PageInfo.at(
            request,
            [edge.cursor for edge in edges],
            has_more=has_more,
            has_beyond=has_beyond,
        ),
        total_count=await quotation_count(buyer.id) if selects(info, "totalCount") else 0,
    )
