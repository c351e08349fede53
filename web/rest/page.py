"""Numbered pages of lists, as Django REST Framework writes them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from web.rest.fields import Fields
from web.rest.request import RestRequest

DEFAULT_SIZE, MAXIMUM_SIZE = 20, 100


@dataclass(frozen=True, slots=True)
class Page:
    """A requested page: its number, counted from 1, and its highest number of entries."""

    number: int
    size: int

    @property
    def first(self) -> int:
        """The index of its first entry."""
        return (self.number - 1) * self.size


def read_page(request: RestRequest) -> Page:
    """Parses `page` and `limit` (or `page_size`) of the query; raises InvalidFields."""
    fields = Fields(request.query)
    number, size = _parse_within(fields, "page", 1, None), DEFAULT_SIZE
    # The last one goes first: `limit` before `page_size`.
    for name in ("page_size", "limit"):
        size = _parse_within(fields, name, size, MAXIMUM_SIZE)
    fields.check()
    return Page(number, size)


def _parse_within(fields: Fields, name: str, default: int, maximum: int | None) -> int:
    number = fields.optional_number(name)
    if number is None or name in fields.messages:
        return default
    if number < 1 or (maximum is not None and number > maximum):
        limits = f"between 1 and {maximum}" if maximum else "a positive number"
        fields.reject(name, f"{number} is not {limits}.")
        return default
    return number


def page_json(
    request: RestRequest, page: Page, count: int, results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Returns a page with the addresses of its neighbours."""
    return {
        "count": count,
        "next": _page_address(request, page.number + 1)
        if page.first + page.size < count
        else None,
        "previous": _page_address(request, page.number - 1) if page.number > 1 else None,
        "results": results,
    }


def _page_address(request: RestRequest, number: int) -> str:
    others = [
        (name, value) for name, value in request.query.multi_items() if name != "page"
    ]
    query = urlencode([*others, ("page", number)])
    return f"{request.options.public_url}{request.http.scope['path']}?{query}"
