"""Two servers behind HAProxy, Caddy and nginx as docs/deployment writes them, and nginx as it comes."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

import settings
from tests.support.databases import databases
from tests.support.events import EventStream, subscribe
from tests.support.load import KEYED, PLAIN, loaded
from tests.support.process import write_people_to
from tests.support.processes import Processes, answers, free_port, wait_until
from tests.support.programs import program
from tests.support.proxies import FOLDER, Proxies
from tests.support.service import Caller
from tests.support.shop import serve_shop
from tests.support.transport_ws import open_peer
from tests.support.waiting import TIMEOUT_SECONDS, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = ("haproxy", "caddy", "nginx")
ALL = (*EXAMPLES, "nginx defaults")
MAIN = {"Authorization": "Token main"}
LIMITS = {"RATE_LIMIT_TOKEN": "0", "RATE_LIMIT_ADDRESS": "0"}


NGINX_FAIL_TIMEOUT = 10
"""Seconds for which nginx by default asks a server no more that rejected a connection."""


@dataclass
class Site:
    """Two servers on one database, and the proxies before them."""

    processes: Processes
    database_url: str
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.proxies = Proxies(self.processes, self.ports)

    def start(self, place: int) -> subprocess.Popen[bytes]:
        """Starts one of the servers, and waits until it is ready."""
        port = self.ports[place]
        command = (sys.executable, "server.py", "serve")
        process = self.processes.start(*command, PORT=str(port), DRAIN_SECONDS="1.5")
        wait_until(
            lambda: answers(f"http://127.0.0.1:{port}/readyz"), "The start of a server"
        )
        return process

    def start_all(self) -> None:
        """Starts the servers and the proxies."""
        self.servers = [self.start(place) for place in (0, 1)]
        self.proxies.start_all()

    def restart(self, place: int) -> None:
        """Stops one of the servers in order, and starts it again."""
        self.servers[place].send_signal(signal.SIGTERM)
        assert self.servers[place].wait(TIMEOUT_SECONDS) == 0
        self.servers[place] = self.start(place)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """All processes, for all tests of this file."""
    for name in ("haproxy", "caddy", "nginx"):
        program(name)
    folder = tmp_path_factory.mktemp("proxies")
    opened = databases("postgres", folder)
    url = await asyncio.to_thread(next, opened)
    await write_people_to(url)
    async with serve_shop() as shop:
        more = {
            "COMMERCE_URL": shop.url,
            "ENVIRONMENT": "test",
            "HOST": "127.0.0.1",
            # One that a test can wait for.
            "LIVE_HEARTBEAT_SECONDS": "1",
            **LIMITS,
        }
        processes = Processes(folder, DATABASE_URL=url, REDIS_URL="", **more)
        started = Site(processes, url)
        try:
            await asyncio.to_thread(started.start_all)
            yield started
        finally:
            await asyncio.to_thread(processes.end)
    await asyncio.to_thread(list, opened)


@pytest.mark.parametrize("name", ["haproxy", "nginx"])
async def test_with_a_certificate_clients_speak_http_2(site: Site, name: str) -> None:
    url = await asyncio.to_thread(site.proxies.start_with_tls, name)
    command = [
        *(program("curl"), "--silent", "--insecure", "--http2", "--retry-connrefused"),
        *("--retry", "50", "--retry-delay", "1", "--write-out", " %{http_version}"),
        *("--header", "Authorization: Token main"),
        f"{url}/graphql?query=%7Bviewer%7Bemail%7D%7D",
    ]
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE)
    assert done.stdout.decode() == (
        '{"data":{"viewer":{"email":"main@example.invalid"}}} 2'
    )


@pytest.mark.parametrize("name", ALL)
async def test_it_serves_and_shows_no_metrics(site: Site, name: str) -> None:
    async with httpx.AsyncClient(
        base_url=site.proxies.url(name), timeout=TIMEOUT_SECONDS
    ) as client:
        assert (await client.get("/readyz")).json() == {"status": "ok", "database": "ok"}
        email = {"viewer": {"email": "main@example.invalid"}}
        assert await Caller(client, "main").query("{ viewer { email } }") == email
        if name in EXAMPLES:
            assert (await client.get("/metrics")).status_code == 404


UPLOAD = (
    "mutation ($f: Upload!) { basketImport(input: {file: $f}) { userErrors { code } } }"
)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_what_the_server_takes_passes_and_the_server_says_what_is_too_large(
    site: Site, name: str
) -> None:
    texts = {
        "operations": f'{{"query": "{UPLOAD}", "variables": {{"f": null}}}}',
        "map": '{"0": ["variables.f"]}',
    }
    async with httpx.AsyncClient(
        base_url=site.proxies.url(name), timeout=TIMEOUT_SECONDS
    ) as client:
        for size, answer in (
            (settings.IMPORT_MAXIMUM_BYTES + 1, "FILE_TOO_LARGE"),
            (2 * settings.IMPORT_MAXIMUM_BYTES + 1, "FILE_TOO_LARGE"),
        ):
            files = {"0": ("large.csv", b"x" * size)}
            response = await client.post("/graphql", data=texts, files=files, headers=MAIN)
            assert (response.status_code, answer in response.text) == (200, True)
        padded = {"query": "{ viewer { email } }" + " " * 90_000}
        response = await client.post("/graphql", json=padded, headers=MAIN)
        assert (response.status_code, "errors" in response.json()) == (200, False)
        long = await client.get("/healthz", params={"x": "y" * 60_000})
        assert (long.status_code, long.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_largest_body_is_that_of_the_server(name: str) -> None:
    largest = 2 * settings.IMPORT_MAXIMUM_BYTES + settings.REQUEST_MAXIMUM_BYTES
    files = {"haproxy": "haproxy.cfg", "caddy": "Caddyfile", "nginx": "nginx.conf"}
    text = (FOLDER / files[name]).read_text()
    sizes = [int(size) for size in re.findall(r"(?:max_body_size|max_size) ([0-9]+)", text)]
    assert [size * 1_000_000 for size in sizes if size * 1_000_000 > largest] == (
        [] if name == "haproxy" else [22_000_000]
    )


ACTIVE = "subscription { activeBasket { totalQuantity } }"


async def add_one(url: str) -> dict[str, int]:
    """Adds one of a product to the active basket, and returns the basket's total."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        query = """mutation { basketItemsAdd(input: {
          items: [{ sku: "SKU01", divisionErpCode: "ERP01" }]
        }) { basket { totalQuantity } } }"""
        added = await Caller(client, "main").query(query)
    basket: dict[str, int] = added["basketItemsAdd"]["basket"]
    return basket


@pytest.mark.parametrize("name", EXAMPLES)
async def test_events_and_heartbeats_pass_at_once(site: Site, name: str) -> None:
    url = site.proxies.url(name)
    before = await add_one(url)
    async with subscribe(url, ACTIVE) as stream:
        assert await stream.next() == before
        after = await add_one(url)
        assert await stream.next() == after
        waiting = asyncio.create_task(stream.next())
        await eventually(lambda: stream.heartbeats >= 3, "Heartbeats")
        assert await add_one(url) == await waiting


@pytest.mark.parametrize("name", EXAMPLES)
async def test_parts_pass_at_once(site: Site, name: str) -> None:
    url = site.proxies.url(name)
    before = await add_one(url)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        accept = {"Accept": "multipart/mixed;subscriptionSpec=1.0, application/json"}
        request = client.stream(
            "POST", "/graphql", json={"query": ACTIVE}, headers=MAIN | accept
        )
        async with request as response:
            pieces = response.aiter_text()
            body = ""
            while "\r\n{}\r\n--graphql" not in body:
                body += await anext(pieces)
            assert json.dumps(before, separators=(",", ":")) in body
            after = json.dumps(await add_one(url), separators=(",", ":"))
            while f"{after}}}}}}}\r\n--graphql" not in body:
                body += await anext(pieces)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_websocket_passes_and_stays_open(site: Site, name: str) -> None:
    url = site.proxies.url(name)
    before = await add_one(url)
    async with open_peer(f"{url.replace('http', 'ws')}/graphql") as peer:
        await peer.initialise()
        await peer.subscribe("1", ACTIVE)
        assert await peer.next("1") == before
        assert await add_one(url) == await peer.next("1")


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_server_that_ends_ends_its_streams_behind_a_proxy(
    site: Site, name: str
) -> None:
    url = site.proxies.url(name)
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(subscribe(url, ACTIVE)) for _ in "12"]
        peers = [
            await stack.enter_async_context(
                open_peer(f"{url.replace('http', 'ws')}/graphql")
            )
            for _ in "12"
        ]
        for stream in streams:
            await stream.next()
        for peer in peers:
            await peer.initialise()
        ends = [asyncio.create_task(read_to_end(stream)) for stream in streams]
        closes = [asyncio.create_task(peer.closed()) for peer in peers]
        for place in (0, 1):
            await asyncio.to_thread(site.restart, place)
        # Caddy ends a response in order that a server has cut.
        assert await asyncio.gather(*ends) == [name != "caddy"] * 2
        assert [stream.is_complete for stream in streams] == [False, False]
        assert {code for code, _ in await asyncio.gather(*closes)} <= {1001}


async def read_to_end(stream: EventStream) -> bool:
    """Reads until the end, and tells whether the response was broken off."""
    try:
        while await stream.next_content() is not None:
            pass
    except httpx.RemoteProtocolError:
        return True
    return False


async def test_timeouts_of_proxies_are_beyond_the_heartbeat() -> None:
    beyond = 3 * settings.LIVE_HEARTBEAT_SECONDS
    for file, names in (
        ("haproxy.cfg", ("timeout client", "timeout server", "timeout tunnel")),
        ("nginx.conf", ("proxy_read_timeout",)),
        ("Caddyfile", ("response_header_timeout",)),
    ):
        text = (FOLDER / file).read_text()
        for name in names:
            (seconds,) = re.findall(rf"^\s*{name} ([0-9]+)s", text, re.MULTILINE)
            assert int(seconds) > beyond


async def test_servers_restarted_one_after_the_other_fail_no_request(site: Site) -> None:
    """Behind every proxy at once, each with its own buyers who never stop."""
    async with httpx.AsyncClient(
        base_url=site.proxies.url("nginx"), timeout=TIMEOUT_SECONDS
    ) as client:
        items = [
            {"productRemoteId": number, "divisionErpCode": "ERP02"}
            for number in (KEYED, PLAIN)
        ]
        await Caller(client, "main").accepted("basketItemsAdd", items=items)
        await Caller(client, "main").accepted("basketClear")
    async with AsyncExitStack() as stack:
        loads = {
            name: await stack.enter_async_context(loaded(site.proxies.url(name), each=1))
            for name in ALL
        }
        await asyncio.to_thread(site.restart, 0)
        # Each process of nginx leaves a server out for ten seconds after a rejectd connection, as
        # the page of the proxies says; no request can tell when the last of them is done with it.
        await asyncio.sleep(NGINX_FAIL_TIMEOUT + 1)
        for restart in (lambda: None, lambda: site.restart(1)):
            await asyncio.to_thread(restart)
            for load in loads.values():
                await load.flows()
        assert {name: load.failures for name, load in loads.items()} == {
            name: [] for name in ALL
        }


@pytest.mark.parametrize("file", ["Caddyfile", "nginx.conf"])
async def test_the_committed_addresses_are_those_of_the_units(file: str) -> None:
    text = (FOLDER / file).read_text()
    assert [f"127.0.0.1:{port}" in text for port in (8001, 8002)] == [True, True]
    assert text.count("8000") == 1


@pytest.mark.parametrize("name", EXAMPLES)
async def test_what_the_server_compresses_passes_as_it_is(site: Site, name: str) -> None:
    path = "/api/v1/openapi.json"
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        for accept in ("gzip", "zstd", "identity"):
            bodies = []
            for url in (f"http://127.0.0.1:{site.ports[0]}", site.proxies.url(name)):
                headers = {"Accept-Encoding": accept}
                async with client.stream("GET", url + path, headers=headers) as response:
                    bodies.append(b"".join([piece async for piece in response.aiter_raw()]))
                coding = response.headers.get("content-encoding", "identity")
                assert (coding, response.headers["vary"]) == (accept, "Accept-Encoding")
            assert bodies[0] == bodies[1]
