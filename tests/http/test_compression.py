"""Compressed responses: by `Accept-Encoding`, of every interface, and never of streams."""

import asyncio
import gzip
import sys
from typing import NamedTuple

import httpx
import pytest

from tests.support.exports import completed
from tests.support.many_items import fill_basket
from tests.support.service import Service, serve_beside
from web.http.content_coding import (
    GZIP,
    THREAD_BYTES,
    ZSTD,
    Choice,
    parse_accept_encoding,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAIN = {"Authorization": "Token main"}
EMAIL = "{ viewer { email } }"
ITEMS = (
    "{ activeBasket { id items { id productRemoteId price quantity totalAmount "
    "product { remoteId sku name price currency inStock } "
    "divisions { quantity division { id name erpCode } } } } }"
)
DECODE = {"gzip": gzip.decompress, "zstd": zstd.decompress}
NAMES = ("gzip", "zstd")


class Raw(NamedTuple):
    """A response as it is sent."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def coding(self) -> str | None:
        """The content coding, if there is one."""
        coding: str | None = self.headers.get("content-encoding")
        return coding

    def decode(self) -> bytes:
        """Returns the body without its coding."""
        return DECODE[self.headers["content-encoding"]](self.body)


async def send(
    client: httpx.AsyncClient,
    path: str,
    accept: str | None,
    method: str = "GET",
    **more: str,
) -> Raw:
    """Sends a request that accepts codings, and returns the response as it came."""
    headers = MAIN | {name.replace("_", "-"): text for name, text in more.items()}
    request = client.build_request(method, path, headers=headers)
    del request.headers["accept-encoding"]
    if accept is not None:
        request.headers["accept-encoding"] = accept
    response = await client.send(request, stream=True)
    body = b"".join([piece async for piece in response.aiter_raw()])
    return Raw(response.status_code, response.headers, body)


VERSIONED = "Authorization, Accept, Accept-Encoding"
"""`Vary` of what a user gets."""


def query_path(document: str) -> str:
    """Returns the address of a query."""
    return str(httpx.URL("/graphql", params={"query": document}))


@pytest.mark.parametrize(
    ("header", "choice"),
    [
        ("gzip", Choice(GZIP)),
        ("zstd", Choice(ZSTD)),
        ("gzip, deflate, br, zstd", Choice(ZSTD)),
        ("gzip, deflate, br", Choice(GZIP)),
        ("GZip", Choice(GZIP)),
        ("x-gzip", Choice(GZIP)),
        ("gzip;q=1.0, zstd;q=0.9", Choice(GZIP)),
        ("gzip ; q = 0.5,zstd;q=0.6", Choice(ZSTD)),
        ("gzip;q=0, zstd;q=0.001", Choice(ZSTD)),
        ("zstd;q=0, *", Choice(GZIP)),
        ("*", Choice(ZSTD)),
        ("*;q=0.5, gzip;q=0.6", Choice(GZIP)),
        ("gzip;q=0.5, identity", Choice(None)),
        ("gzip;q=0.5, identity;q=0.5", Choice(GZIP)),
        ("gzip;q=0.5, *", Choice(ZSTD)),
        ("identity", Choice(None)),
        ("br", Choice(None)),
        ("", Choice(None)),
        ("gzip;q=0", Choice(None)),
        ("*;q=0", Choice(None)),
        ("identity;q=0", Choice(None)),
        ("identity;q=0, gzip", Choice(GZIP, 0)),
        ("*;q=0, zstd", Choice(ZSTD, 0)),
        ("gzip;q=x, =, ;q=1, zstd;level=3", Choice(None)),
        ("g\xfczip, gzip;q=9", Choice(None)),
    ],
)
def test_the_preferred_coding_is_chosen(header: str, choice: Choice) -> None:
    assert parse_accept_encoding(header.encode("latin-1")) == choice


@pytest.mark.parametrize("name", NAMES)
async def test_graphql_and_rest_are_compressed_above_one_kilobyte(
    service: Service, name: str
) -> None:
    await fill_basket(447)
    for path in (query_path(ITEMS), "/b2b/basket/", "/api/v1/openapi.json"):
        plain = await send(service.client, path, None)
        compressed = await send(service.client, path, name)
        assert (plain.status, plain.coding, compressed.status) == (200, None, 200)
        assert (compressed.coding, compressed.decode()) == (name, plain.body)
        assert len(compressed.body) * 5 < len(plain.body)
        for response in (plain, compressed):
            is_versioned = path != "/api/v1/openapi.json"
            assert response.headers["vary"] == (
                VERSIONED if is_versioned else "Accept-Encoding"
            )
            assert response.headers["content-length"] == str(len(response.body))
        assert plain.headers["content-type"] == compressed.headers["content-type"]


async def test_bodies_beyond_the_event_loops_are_whole(service: Service) -> None:
    await fill_basket(4_000)
    path = query_path(ITEMS)
    plain = await send(service.client, path, None)
    assert len(plain.body) > THREAD_BYTES
    several = [send(service.client, path, name) for name in NAMES * 2]
    for compressed in await asyncio.gather(*several):
        assert compressed.decode() == plain.body


async def test_small_responses_are_sent_as_they_are_and_vary_as_well(
    service: Service,
) -> None:
    for path, status in (
        (query_path(EMAIL), 200),
        (query_path("{ nothing }"), 200),
        ("/graphql", 400),
        ("/b2b/basket/", 200),
        ("/b2b/nothing/", 404),
        ("/nothing", 404),
    ):
        for accept in (None, "gzip", "identity"):
            response = await send(service.client, path, accept)
            assert (path, response.status, response.coding) == (path, status, None)
            is_somebodys = not path.endswith("/nothing/") and path != "/nothing"
            assert response.headers["vary"] == (
                VERSIONED if is_somebodys else "Accept-Encoding"
            )
            control = response.headers.get("cache-control")
            assert control == ("private, no-cache" if is_somebodys else None)
    stranger = await send(service.client, "/graphql", "gzip", Authorization="Token wrong")
    assert (stranger.status, stranger.headers["vary"]) == (401, VERSIONED)
    posted = await service.main.post(EMAIL)
    assert posted.headers["vary"] == "Accept-Encoding"
    assert "cache-control" not in posted.headers


async def test_a_client_that_takes_nothing_uncompressed_gets_small_bodies_compressed(
    service: Service,
) -> None:
    accept = "identity;q=0, gzip"
    for path in (query_path(EMAIL), "/b2b/basket/"):
        plain = await send(service.client, path, None)
        response = await send(service.client, path, accept)
        assert (response.coding, response.decode()) == ("gzip", plain.body)


async def test_downloads_are_compressed_but_for_ranges_and_xlsx(service: Service) -> None:
    await fill_basket(2_000)
    for format, is_compressible in (("CSV", True), ("XLS", True), ("XLSX", False)):
        export = await completed(service.main, format=format)
        url = export["url"]
        plain = await send(service.client, url, None)
        etag = plain.headers["etag"]
        assert (plain.coding, etag[0]) == (None, '"')
        assert plain.headers["content-length"] == str(len(plain.body))
        for name in NAMES:
            whole = await send(service.client, url, name)
            head = await send(service.client, url, name, "HEAD")
            if not is_compressible:
                assert (whole.coding, whole.body) == (None, plain.body)
                assert "vary" not in whole.headers
                assert head.headers["content-length"] == str(len(plain.body))
                continue
            assert (whole.coding, whole.decode()) == (name, plain.body)
            assert "content-length" not in whole.headers
            assert whole.headers["etag"] == head.headers["etag"] == f"W/{etag}"
            assert (head.coding, "content-length" in head.headers) == (None, False)
            assert head.headers["vary"] == "Accept-Encoding"
            for asked, first, end in (
                ("bytes=10-99", 10, 100),
                ("bytes=2000-", 2_000, None),
            ):
                part = await send(service.client, url, name, Range=asked, If_Range=etag)
                assert (part.status, part.coding) == (206, None)
                assert (part.body, part.headers["etag"]) == (plain.body[first:end], etag)
                assert part.headers["vary"] == "Accept-Encoding"
            ignored = await send(service.client, url, name, Range="lines=1-2")
            assert (ignored.coding, ignored.body) == (None, plain.body)


async def test_streams_of_events_are_never_compressed(service: Service) -> None:
    await fill_basket(50)
    accept = "text/event-stream"
    stream = await send(
        service.client, query_path(ITEMS), "identity;q=0, gzip", Accept=accept
    )
    assert (stream.status, stream.coding) == (200, None)
    assert stream.headers["content-type"].startswith(accept)
    assert b"SKU1049" in stream.body


async def test_compression_can_be_switched_off(service: Service, database_url: str) -> None:
    await fill_basket(50)
    async with serve_beside(service, database_url, has_compression=False) as client:
        for path in (query_path(ITEMS), "/b2b/basket/", "/b2b/nothing/", "/graphql"):
            plain = await send(service.client, path, None)
            response = await send(client, path, "gzip, zstd")
            assert (response.coding, response.body) == (None, plain.body)
            # A proxy that compresses them adds nothing then.
            is_somebodys = path != "/b2b/nothing/"
            assert response.headers.get("vary") == (VERSIONED if is_somebodys else None)


async def test_graphiqls_files_are_compressed_once_and_then_kept(service: Service) -> None:
    path = "/graphiql/react-dom.production.min.js"
    client = service.client
    plain = await send(client, path, None)
    assert (plain.status, plain.coding, len(plain.body)) == (200, None, 120_585)
    etag = plain.headers["etag"]
    for name in NAMES:
        first = await send(client, path, name)
        assert (first.status, first.coding, first.decode()) == (200, name, plain.body)
        assert len(first.body) * 2.5 < len(plain.body)
        assert first.headers["content-length"] == str(len(first.body))
        assert first.headers["etag"] == f"W/{etag}"
        assert (await send(client, path, name)).body == first.body
        part = await send(client, path, name, Range="bytes=0-9")
        assert (part.status, part.coding, part.body) == (206, None, plain.body[:10])
        known = await send(client, path, name, If_None_Match=f"W/{etag}")
        assert (known.status, known.body, known.headers["etag"]) == (304, b"", f"W/{etag}")
        assert {r.headers["vary"] for r in (plain, first, part, known)} == {
            "Accept-Encoding"
        }
    page = await send(client, "/graphql", "gzip", Accept="text/html")
    assert (page.status, page.coding) == (200, "gzip")
    assert page.decode().startswith(b"<!doctype html>")
    style = await send(client, "/graphiql/style.css", "gzip")
    assert (style.coding, style.headers["vary"]) == (None, "Accept-Encoding")
