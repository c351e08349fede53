"""A path prefix before the server: every address that it answers with has it, and leads back."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.command_line import CommandLine
from tests.support.exports import completed
from tests.support.raw_http import raw_server
from tests.support.service import Caller
from tests.support.waiting import TIMEOUT_SECONDS
from web.rest.router import ADDRESSES

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = "https://basket.example"
TOKEN = {"Authorization": "Token demo-main"}
SETTINGS = {
    "public": {"PUBLIC_URL": f"{PUBLIC}/eu/shop/"},
    "root": {"PUBLIC_URL": PUBLIC, "ROOT_PATH": "eu/shop/"},
    "both": {"PUBLIC_URL": f"{PUBLIC}/eu/shop", "ROOT_PATH": "/eu/shop"},
}
PREFIX = "/eu/shop"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(SETTINGS))
async def client(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with a prefix, without the prefix in its address."""
    folder = tmp_path_factory.mktemp("prefix")
    with raw_server(folder, **SETTINGS[request.param]) as server:
        url = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as opened:
            yield opened


async def test_requests_are_answered_with_and_without_the_prefix(
    client: httpx.AsyncClient,
) -> None:
    query = {"query": "{ viewer { email } }"}
    for prefix, status in (
        ("", 200),
        (PREFIX, 200),
        ("/eu", 404),
        ("/eu/shopping", 404),
        (PREFIX * 2, 404),
        ("/EU/SHOP", 404),
    ):
        answers = [
            await client.post(f"{prefix}/graphql", json=query, headers=TOKEN),
            await client.get(f"{prefix}/graphql", params=query, headers=TOKEN),
            await client.get(f"{prefix}/api/v1/basket/", headers=TOKEN),
            await client.get(f"{prefix}/healthz"),
        ]
        assert [answer.status_code for answer in answers] == [status] * 4


async def test_the_address_of_a_download_has_it_and_leads_back(
    client: httpx.AsyncClient,
) -> None:
    caller = Caller(client, "demo-main")
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]
    await caller.accepted("basketItemsAdd", items=items)
    export = await completed(caller, format="CSV", fields=["PRODUCT_SKU"])
    assert export["url"].startswith(f"{PUBLIC}{PREFIX}/export_file/")
    parts = urlsplit(export["url"])
    for path in (parts.path, parts.path.removeprefix(PREFIX)):
        answer = await client.get(f"{path}?{parts.query}")
        assert (answer.status_code, answer.text) == (200, "\ufeffproduct__sku\r\nSKU01\r\n")


async def test_neighbouring_pages_and_redirects_have_it(client: httpx.AsyncClient) -> None:
    for sent in (PREFIX, ""):
        page = await client.get(
            f"{sent}/api/v1/my-divisions/?limit=1&page=2", headers=TOKEN
        )
        address = f"{PUBLIC}{PREFIX}/api/v1/my-divisions/?limit=1&page="
        assert (page.json()["previous"], page.json()["next"]) == (
            f"{address}1",
            f"{address}3",
        )
        for prefix in ("/api/v1", "/b2b"):
            for path in ADDRESSES:
                without = f"{prefix}{path.rstrip('/')}".format(basket_id=7)
                answer = await client.get(f"{sent}{without}?x=%C3%A9", headers=TOKEN)
                assert answer.status_code == 301
                assert answer.headers["location"] == f"{PREFIX}{without}/?x=%C3%A9"


async def test_the_description_and_the_page_lead_to_addresses_below_it(
    client: httpx.AsyncClient,
) -> None:
    description = (await client.get(f"{PREFIX}/api/v1/openapi.json")).json()
    servers = [server["url"] for server in description["servers"]]
    assert servers == [f"{PREFIX}/api/v1", f"{PREFIX}/b2b"]
    page_path = f"{PREFIX}/graphql"
    page = await client.get(page_path, headers={"Accept": "text/html"})
    found = re.findall(r'(?:src|href)="((?!data:)[^"]+)"', page.text)
    assert len(found) >= 5
    for reference in found:
        path = urljoin(page_path, reference)
        assert path.startswith(f"{PREFIX}/graphiql/")
        assert (await client.get(path)).status_code == 200


async def test_the_root_leads_to_the_page_below_it(client: httpx.AsyncClient) -> None:
    for sent in (PREFIX, f"{PREFIX}/", "/"):
        answer = await client.get(sent)
        assert (answer.status_code, answer.headers["location"]) == (
            307,
            f"{PREFIX}/graphql",
        )


async def test_nothing_redirects_to_what_the_client_calls_the_host(
    client: httpx.AsyncClient,
) -> None:
    for path in (
        "/healthz/",
        "/readyz/",
        "/metrics/",
        "/graphql/",
        "/export_file/x/",
        "/graphiql",
    ):
        for prefix in (PREFIX, ""):
            answer = await client.get(f"{prefix}{path}", headers={"Host": "evil.example"})
            assert "evil.example" not in answer.headers.get("location", "")
            assert answer.status_code in (401, 404)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"ROOT_PATH": "/a", "PUBLIC_URL": f"{PUBLIC}/b"},
            "ROOT_PATH is '/a' and PUBLIC_URL ends in '/b': set one of them, or both to the same path.",
        ),
        (
            {"ROOT_PATH": "/a", "PUBLIC_URL": f"{PUBLIC}/a/b/"},
            "ROOT_PATH is '/a' and PUBLIC_URL ends in '/a/b': set one of them, or both to the same path.",
        ),
        (
            {"ROOT_PATH": f"{PUBLIC}/a"},
            "ROOT_PATH is 'https://basket.example/a'; it is a path like /shop.",
        ),
        ({"ROOT_PATH": "/a/../b"}, "ROOT_PATH is '/a/../b'; it is a path like /shop."),
        ({"ROOT_PATH": "/100%"}, "ROOT_PATH is '/100%'; it is a path like /shop."),
    ],
)
async def test_a_prefix_that_cannot_be_is_rejected(
    tmp_path: Path, more: dict[str, str], message: str
) -> None:
    line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", **more)
    assert line.run("serve") == (1, "", message)
