"""The changes of baskets: the pages that an operation selects, read before they are resolved.

So the pages of all baskets cost one statement, and the fields themselves are plain methods, which a
plan can call.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.database.integers import LARGEST_INT
from models.history.read import (
    ChangeCount,
    ChangeRange,
    ChangeRead,
    count_changes,
    find_actor,
    find_own_change,
    read_changes,
)
from resolvers.change_lines import WantedLines, find_line_requests, prepare_lines
from resolvers.context import Info
from resolvers.requested_fields import CHANGES, SelectedPages, find_parts, page_arguments
from schema.basket import Basket
from schema.history import (
    Actor,
    BasketChange,
    BasketChangeConnection,
    BasketChangeEdge,
)
from schema.page import Cursors, InvalidPage, PageInfo, PageRequest, cut


@dataclass(slots=True)
class WantedChanges:
    """The selected parts of a page of changes: pages of lines, and the count of the rest."""

    lines: set[PageRequest] = field(default_factory=set)
    is_counted: bool = False


async def prepare_changes(
    info: Info, pages: Sequence[SelectedPages], baskets: Sequence[Basket]
) -> None:
    """Reads the selected pages of changes, and puts them into baskets."""
    wanted_lines: list[WantedLines] = []
    for request, wanted in _find_wanted(info, pages).items():
        changes = await _read_pages(baskets, request, is_counted=wanted.is_counted)
        wanted_lines += [WantedLines(change, wanted.lines) for change in changes]
    if wanted_lines:
        await prepare_lines(wanted_lines)


def _find_wanted(
    info: Info, pages: Sequence[SelectedPages]
) -> Mapping[PageRequest, WantedChanges]:
    """Returns the pages that are selected, but not those that their field will reject."""
    found: dict[PageRequest, WantedChanges] = {}
    for selected in pages:
        try:
            request = page_arguments(info, CHANGES, selected.field).request()
        except InvalidPage:
            # The field itself raises it, in its place in the answer.
            continue
        wanted = found.setdefault(request, WantedChanges())
        wanted.lines |= find_line_requests(info, selected.lines)
        # A page without a cursor begins at the end of the list, beyond which there is nothing.
        wanted.is_counted |= selected.has_count or (
            selected.has_info and request.cursor is not None
        )
    return found


async def _read_pages(
    baskets: Sequence[Basket], request: PageRequest, *, is_counted: bool
) -> list[BasketChange]:
    """Reads a page of each basket, and returns all changes in them."""
    bounds = dict(_find_bounds(baskets, request))
    within = [basket for basket in baskets if basket.number in bounds]
    if not within:
        return []
    ranges = [_find_range(basket, request, bounds[basket.number]) for basket in within]
    # One more than requested tells whether there are more.
    found = await read_changes(ranges, request.size + 1, is_backward=request.is_backward)
    # The whole history of each, but nothing after its version: so pages fit the basket beside them.
    histories = [_find_range(basket, request, None) for basket in within]
    counts = await count_changes(histories) if is_counted else {}
    changes: list[BasketChange] = []
    for basket in within:
        count = counts.get(basket.number, ChangeCount(0, 0, 0))
        bound = bounds[basket.number]
        connection = _connection(basket, request, bound, found[basket.number], count)
        basket.change_pages.put(request, connection)
        changes += [edge.node for edge in connection.edges]
    return changes


def _find_bounds(
    baskets: Sequence[Basket], request: PageRequest
) -> Iterator[tuple[int, int | None]]:
    """Yields baskets with the version of the page's cursor; a cursor is good in one of them."""
    for basket in baskets:
        try:
            bound = _cursors(basket).number(request)
            yield basket.number, bound and min(bound, LARGEST_INT)
        except InvalidPage as error:
            basket.change_pages.put(request, error)


def _cursors(basket: Basket) -> Cursors:
    return Cursors("changes", basket.id)


def _find_range(basket: Basket, request: PageRequest, bound: int | None) -> ChangeRange:
    """Returns the versions that a page is cut from, but none after the basket was read."""
    newest = basket.version
    if bound is None:
        return ChangeRange(basket.number, 0, newest + 1)
    if request.is_backward:
        return ChangeRange(basket.number, bound, newest + 1)
    return ChangeRange(basket.number, 0, min(bound, newest + 1))


def _connection(
    basket: Basket,
    request: PageRequest,
    bound: int | None,
    found: Sequence[ChangeRead],
    count: ChangeCount,
) -> BasketChangeConnection:
    page, has_more = cut(found, request)
    cursors = _cursors(basket)
    edges = [
        BasketChangeEdge(node=BasketChange.of(change), cursor=cursors.write(change.version))
        for change in page
    ]
    has_beyond = bound is not None and (
        count.oldest <= bound if request.is_backward else count.newest >= bound
    )
    info = PageInfo.at(
        request,
        [edge.cursor for edge in edges],
        has_more=has_more,
        has_beyond=has_beyond and count.total > 0,
    )
    return BasketChangeConnection(edges=edges, page_info=info, total_count=count.total)


async def find_change(info: Info, number: int) -> BasketChange | None:
    """Returns a change of one of the caller's baskets."""
    read = await find_own_change(info.context.buyer.id, number)
    if read is None:
        return None
    change = BasketChange.of(read)
    requests = find_line_requests(info, find_parts(info).lines)
    await prepare_lines([WantedLines(change, requests)])
    return change


async def find_author(info: Info, number: int) -> Actor | None:
    """Returns a user who made a change of one of the caller's baskets."""
    read = await find_actor(info.context.buyer.id, number)
    return Actor.of(read) if read else None
