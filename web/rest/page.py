"""Numbered pages of lists, as Django REST Framework writes them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import settings
from web.rest.fields import Fields
from web.rest.rejection import InvalidFields
from web.rest.request import RestRequest

DEFAULT_SIZE, MAXIMUM_SIZE = 20, 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for, counted from 1, and how many entries it has."""

    number: int
    size: int

    @property
    def first(self) -> int:
        """How many entries come before the page."""
        return (self.number - 1) * self.size


def page_of(asked: RestRequest) -> Page:
    """Reads `page` and `limit` (or `page_size`) from the query; raises InvalidFields."""
    fields = Fields(asked.query)
    number, size = _within(fields, "page", 1, None), DEFAULT_SIZE
    for name in ("page_size", "limit"):
        size = _within(fields, name, size, MAXIMUM_SIZE)
    fields.check()
    return Page(number, size)


def _within(fields: Fields, name: str, default: int, maximum: int | None) -> int:
    number = fields.optional_number(name)
    if number is None or name in fields.messages:
        return default
    if number < 1 or (maximum is not None and number > maximum):
        limits = f"between 1 and {maximum}" if maximum else "a positive number"
        raise InvalidFields({name: [f"{number} is not {limits}."]})
    return number


def page_answer(
    asked: RestRequest, page: Page, count: int, results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Writes a page with the addresses of its neighbours."""
    return {
        "count": count,
        "next": _address(asked, page.number + 1)
        if page.first + page.size < count
        else None,
        "previous": _address(asked, page.number - 1) if page.number > 1 else None,
        "results": results,
    }


def _address(asked: RestRequest, number: int) -> str:
    kept = [(name, value) for name, value in asked.query.multi_items() if name != "page"]
    query = urlencode([*kept, ("page", number)])
    return f"{settings.PUBLIC_URL}{asked.http.scope['path']}?{query}"
