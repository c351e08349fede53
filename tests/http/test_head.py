"""HEAD has the headers of GET, at every address that answers GET."""

from collections.abc import AsyncIterator
from itertools import product

import httpx
import pytest
from starlette.routing import Route

from application import create_application
from settings.options import Options
from tests.support.exports import completed, fill
from tests.support.service import Service, serve
from tests.support.shop import Shop

OWN = {"date", "x-request-id", "server-timing"}
"""The headers that differ between any two responses."""
OF_BODY = {"content-length", "content-encoding"}
"""The headers that are only known once a body is compressed."""
OTHERS = ("/graphql", "/graphiql/page.js", "/graphiql/nothing.js", "/nothing")
"""Addresses without a route of their own."""


@pytest.fixture
async def with_page(sqlite_url: str, shop: Shop) -> AsyncIterator[Service]:
    """The application with the page of GraphiQL."""
    async with serve(sqlite_url, shop, has_graphiql=True) as served:
        yield served


async def addresses(service: Service) -> set[str]:
    """Returns an address of each route, that of a file among them."""
    await fill(service.main)
    export = await completed(service.main, format="CSV", fields=["PRODUCT_SKU", "QUANTITY"])
    values = {"name": f"{export['cacheKey']}.csv", "basket_id": "1", "path": "nothing"}
    routes = create_application(Options(has_graphiql=True)).routes
    paths = {route.path for route in routes if isinstance(route, Route)}
    return {path.replace(":path", "").format(**values) for path in paths} | set(OTHERS)


def shown(response: httpx.Response, *, has_length: bool) -> tuple[int, dict[str, str]]:
    """Returns the status, and the headers that are the same for the same content."""
    left_out = OWN if has_length else OWN | OF_BODY
    headers = {name: response.headers[name] for name in {*response.headers} - left_out}
    return response.status_code, headers


ACCEPTED = ("text/html", "*/*")
TOKENS = ("Token main", "Token wrong", "")
CODINGS = ("identity", "gzip")


async def test_head_has_the_headers_of_get(with_page: Service) -> None:
    found = await addresses(with_page)
    assert len(found) > 40
    for accept, token, coding, address in product(ACCEPTED, TOKENS, CODINGS, sorted(found)):
        if (accept, address) == ("*/*", "/graphql"):
            # The API has no HEAD, and an operation is missing.
            continue
        headers = {"Accept": accept, "Accept-Encoding": coding, "Authorization": token}
        get = await with_page.client.get(address, headers=headers)
        head = await with_page.client.head(address, headers=headers)
        if get.status_code == 405:
            assert (address, headers, head.status_code) == (address, headers, 405)
            continue
        # Metrics change from one response to the next.
        has_length = coding == "identity" and address != "/metrics"
        expected = shown(get, has_length=has_length)
        found_headers = shown(head, has_length=has_length)
        assert (address, headers, found_headers) == (address, headers, expected)
