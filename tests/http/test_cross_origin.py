"""Pages of configured origins send and read the headers of bad networks, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.browser import open_page
from tests.support.exports import completed, fill
from tests.support.ports import free_port
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS
from tests.support.websockets import AsgiServer, listen

ORIGIN = "https://shop.example"
MAIN = {"Authorization": "Token main"}
BASKET = "/graphql?query={activeBasket{id%20version}}"
SENT = ("if-none-match", "range", "idempotency-key")
EXPOSED = {"ETag", "Retry-After", "X-Request-ID"}


@asynccontextmanager
async def served(
    database_url: str, shop: Shop, origin: str, **options: Any
) -> AsyncIterator[tuple[Service, AsgiServer, str]]:
    """Yields a service that listens, with a filled basket and the path of an exported file."""
    async with serve(database_url, shop, cors_origins=(origin,), **options) as service:
        await fill(service.main)
        export = await completed(service.main, format="CSV")
        async with listen(service) as server:
            yield service, server, httpx.URL(export["url"]).raw_path.decode()


@pytest.fixture
async def client_and_paths(
    database_url: str, shop: Shop
) -> AsyncIterator[tuple[httpx.AsyncClient, tuple[str, str, str]]]:
    """A client over HTTP, and a path of GraphQL, of REST and of a download."""
    async with (
        served(database_url, shop, ORIGIN) as (_, server, file),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", timeout=TIMEOUT_SECONDS
        ) as client,
    ):
        yield client, (BASKET, "/api/v1/basket/", file)


async def test_preflights_let_the_headers_of_bad_networks_in(
    client_and_paths: tuple[httpx.AsyncClient, tuple[str, str, str]],
) -> None:
    client, paths = client_and_paths
    for path in paths:
        for name in (*SENT, ",".join(SENT)):
            asks = {
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": name,
            }
            allowed = await client.options(path, headers=asks)
            assert allowed.status_code == 200
            assert allowed.headers["access-control-allow-origin"] == ORIGIN
            assert allowed.headers["access-control-allow-headers"] == name
            refused = await client.options(
                path, headers=asks | {"Origin": "https://other.example"}
            )
            assert refused.status_code == 400
            assert "access-control-allow-origin" not in refused.headers


async def test_pages_may_read_the_headers_of_every_kind_of_response(
    client_and_paths: tuple[httpx.AsyncClient, tuple[str, str, str]],
) -> None:
    client, paths = client_and_paths
    for path in paths:
        answered = await client.get(path, headers=MAIN | {"Origin": ORIGIN})
        assert answered.headers["etag"]
        tag = {"If-None-Match": answered.headers["etag"]}
        kinds = {
            200: answered,
            304: await client.get(path, headers=MAIN | tag | {"Origin": ORIGIN}),
        }
        if path == paths[2]:
            part = {"Range": "bytes=2-5"}
            kinds[206] = await client.get(path, headers=part | {"Origin": ORIGIN})
        else:
            kinds[401] = await client.get(path, headers={"Origin": ORIGIN})
        for status, response in kinds.items():
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == ORIGIN
            assert "Origin" in response.headers["vary"]
            exposed = response.headers["access-control-expose-headers"].split(", ")
            assert EXPOSED <= set(exposed)


async def answer_blank_page(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answers whatever a browser asks for, with an empty page."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )
    writer.close()


SCRIPT = """
(async () => {
  const get = async (path, headers) => {
    const response = await fetch(ADDRESS + path, { headers, cache: "no-store" });
    const names = ["etag", "retry-after", "x-request-id", "content-range", "server"];
    const found = names.map(name => response.headers.get(name));
    return [response.status, (await response.text()).length, ...found];
  };
  const token = { Authorization: "Token main", "Idempotency-Key": "k1" };
  const results = [];
  for (const path of PATHS) {
    const first = await get(path, token);
    results.push(first, await get(path, { ...token, "If-None-Match": first[2] }));
  }
  results.push(await get(PATHS[2], { Range: "bytes=2-5" }));
  let last;
  do { last = await get(PATHS[0], token); } while (last[0] !== 429);
  return [...results, last];
})()
"""


async def test_a_browser_sends_and_reads_them(
    sqlite_url: str, shop: Shop, browser: int
) -> None:
    page_port = free_port()
    origin = f"http://127.0.0.1:{page_port}"
    async with (
        await asyncio.start_server(answer_blank_page, "127.0.0.1", page_port),
        served(sqlite_url, shop, origin, rate_limit_token="20/hour") as (_, server, file),
        open_page(browser) as page,
    ):
        await page.send("Page.navigate", url=origin)
        await page.until(f"location.origin === {json.dumps(origin)}")
        script = SCRIPT.replace("ADDRESS", json.dumps(f"http://localhost:{server.port}"))
        script = script.replace("PATHS", json.dumps([BASKET, "/api/v1/basket/", file]))
        result = await page.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
    *pairs, part, limited = result["result"]["value"]
    for first, again in zip(pairs[::2], pairs[1::2], strict=True):
        assert (first[0], again[0], again[1]) == (200, 304, 0)
        assert first[1] > 0
        assert first[2].removeprefix("W/") == again[2].removeprefix("W/") != ""
        assert len(first[4]) == len(again[4]) == 16
    assert (part[0], part[1]) == (206, 4)
    assert part[5].startswith("bytes 2-5/")
    assert limited[0] == 429
    assert 1 <= int(limited[3]) <= 3_600
    # A name that is not exposed stays unreadable.
    assert {row[6] for row in (*pairs, part, limited)} == {None}
