"""The lines of changes: the pages that an operation selects, read before they are resolved.

The lines of all changes cost one statement, their products one more, and their divisions another.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from graphql import FieldNode, GraphQLError

from models.division import divisions_named
from models.history.lines import ChangeLine, ChangeLines, UnknownFormat
from models.history.read import read_lines
from models.money import Cents
from models.product.tables import ProductKeys, product_keys
from models.rejections import Rejection, RejectionCode
from resolvers.context import Info
from resolvers.requested_fields import LINES, page_arguments
from schema.division import Division
from schema.history import (
    UNKNOWN_FORMAT,
    BasketChange,
    BasketChangeLine,
    BasketChangeLineConnection,
    BasketChangeLineEdge,
)
from schema.page import (
    DEFAULT_LINE_PAGE,
    Cursors,
    InvalidPage,
    PageInfo,
    PageRequest,
    Part,
    part_of,
)


class WantedLines(NamedTuple):
    """A change and the pages of its lines that are selected."""

    change: BasketChange
    requests: Collection[PageRequest]


class WantedPart(NamedTuple):
    """A page of the lines of a change: where it stands among them."""

    change: BasketChange
    request: PageRequest
    part: Part


class FoundPart(NamedTuple):
    """A page of the lines of a change, as they are stored."""

    wanted: WantedPart
    lines: Sequence[ChangeLine]
    currency_before: str | None


def find_line_requests(info: Info, fields: Iterable[FieldNode]) -> set[PageRequest]:
    """Returns the pages of lines that fields ask for, but not those that they will reject."""
    requests = set[PageRequest]()
    for field in fields:
        try:
            arguments = page_arguments(info, LINES, field)
            requests.add(arguments.request(DEFAULT_LINE_PAGE))
        except InvalidPage:
            # The field itself raises it, in its place in the answer.
            continue
    return requests


async def prepare_lines(wanted: Iterable[WantedLines]) -> None:
    """Reads pages of lines and puts them into their changes."""
    parts: dict[int, list[WantedPart]] = {}
    for part in _find_parts(wanted):
        parts.setdefault(part.change.number, []).append(part)
    found: list[FoundPart] = []
    counts = {number: each[0].change.line_count for number, each in parts.items()}
    async for number, lines in read_lines(counts):
        found += _take_parts(parts.pop(number), lines)
    _reject_deleted(parts.values())
    # Products and divisions of the pages alone: an import may have a hundred times as many lines.
    products = await product_keys(
        {line.product_id for each in found for line in each.lines}
    )
    divisions = await _read_divisions(found)
    for each in found:
        page = _page(each, products, divisions)
        each.wanted.change.line_pages.put(each.wanted.request, page)


def _find_parts(wanted: Iterable[WantedLines]) -> Iterator[WantedPart]:
    for change, requests in wanted:
        for request in requests:
            try:
                bound = _cursors(change).number(request)
            except InvalidPage as error:
                change.line_pages.put(request, error)
                continue
            places = range(1, change.line_count + 1)
            yield WantedPart(change, request, part_of(places, request, bound))


def _reject_deleted(deleted: Iterable[Sequence[WantedPart]]) -> None:
    """Puts a rejection into changes that were deleted between their reading and their lines'."""
    for change, request, _ in chain.from_iterable(deleted):
        rejection = Rejection(
            RejectionCode.VERSION_UNKNOWN,
            f"The history of the basket no longer reaches back to version {change.version}.",
        )
        change.line_pages.put(request, rejection)


def _cursors(change: BasketChange) -> Cursors:
    return Cursors("lines", change.id)


def _take_parts(
    parts: Iterable[WantedPart], lines: ChangeLines | UnknownFormat
) -> Iterator[FoundPart]:
    """Yields the pages among the lines of a change."""
    for wanted in parts:
        if isinstance(lines, UnknownFormat):
            error = GraphQLError(str(lines), extensions={"code": UNKNOWN_FORMAT})
            wanted.change.line_pages.put(wanted.request, error)
        else:
            page = lines.lines[wanted.part.begin : wanted.part.end]
            yield FoundPart(wanted, page, lines.currency_before)


async def _read_divisions(found: Iterable[FoundPart]) -> Mapping[int, Division]:
    ids = {line.division_id for each in found for line in each.lines} - {None}
    named = await divisions_named([id for id in ids if id], []) if ids else ()
    return {division.id: Division.of(division) for division in named}


def _page(
    found: FoundPart,
    products: Mapping[int, ProductKeys],
    divisions: Mapping[int, Division],
) -> BasketChangeLineConnection:
    change, _, part = found.wanted
    cursors = _cursors(change)
    edges = [
        BasketChangeLineEdge(
            node=_line(line, found, products[line.product_id], divisions),
            cursor=cursors.write(place),
        )
        for place, line in enumerate(found.lines, part.begin + 1)
    ]
    info = PageInfo.of(
        [edge.cursor for edge in edges],
        has_next=part.has_next,
        has_previous=part.has_previous,
    )
    return BasketChangeLineConnection(
        edges=edges, page_info=info, total_count=change.line_count
    )


def _line(
    line: ChangeLine,
    found: FoundPart,
    product: ProductKeys,
    divisions: Mapping[int, Division],
) -> BasketChangeLine:
    before, after = line.price_before, line.price_after
    return BasketChangeLine(
        product_remote_id=product.remote_id,
        sku=product.sku,
        division=divisions.get(line.division_id or 0),
        quantity_before=line.quantity_before,
        quantity_after=line.quantity_after,
        price_before=None if before is None else Cents(before),
        price_after=None if after is None else Cents(after),
        currency_before=None if before is None else found.currency_before,
        currency_after=None if after is None else found.wanted.change.currency,
    )
