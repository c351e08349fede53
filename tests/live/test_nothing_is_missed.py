"""No watcher misses a version, whatever ends or silences servers, PostgreSQL and Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.deltas import DELTA, Json, apply_delta, read_state
from tests.support.events import EventStream, subscribe
from tests.support.lines import line
from tests.support.ports import free_port
from tests.support.postgres_cluster import Cluster, migrated_cluster
from tests.support.process import start_server, write_people_to
from tests.support.processes import Processes, kill
from tests.support.service import Caller
from tests.support.shop import serve_shop
from tests.support.silent_proxy import silent_proxy
from tests.support.thoroughness import THOROUGHNESS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

ACTIVE = "subscription { activeBasket { id version totalQuantity } }"
CHANGES = f"""subscription ($id: ID!, $since: Int) {{
  basketChanges(basketId: $id, sinceVersion: $since) {{ ...Delta }} }} {DELTA}"""
WAKES = 250 * THOROUGHNESS
KILLED_AFTER_COMMIT = """
import os, signal
from models.live.hub import Hub
def die(hub, user_id):
    os.kill(os.getpid(), signal.SIGKILL)
Hub.hint = die
"""
"""A server that dies between the commit of a change and its notification."""


@dataclass
class Shop:
    """Two servers on one PostgreSQL and one Redis of the test's own."""

    processes: Processes
    cluster: Cluster
    redis_port: int
    commerce_url: str
    urls: list[str]
    callers: list[Caller] = field(default_factory=list)

    async def add(self, place: int = 0, product: int = 1) -> Json:
        """Adds a product through one of the servers and returns the basket."""
        caller = self.callers[place]
        return await caller.accepted("basketItemsAdd", items=[line(product)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The servers, started once."""
    folder, redis_port = tmp_path_factory.mktemp("live"), free_port()
    with migrated_cluster() as cluster:
        await write_people_to(cluster.url)
        async with serve_shop() as commerce:
            processes = Processes(
                folder,
                DATABASE_URL=cluster.url,
                COMMERCE_URL=commerce.url,
                REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
                ENVIRONMENT="test",
            )
            try:
                await asyncio.to_thread(processes.redis, redis_port)
                ports = [free_port(), free_port()]
                for port in ports:
                    await asyncio.to_thread(processes.serve, port)
                urls = [f"http://127.0.0.1:{port}" for port in ports]
                yield Shop(processes, cluster, redis_port, commerce.url, urls)
            finally:
                processes.end()


@pytest_asyncio.fixture(loop_scope="module")
async def opened(shop: Shop) -> AsyncIterator[Shop]:
    """The servers with a caller at each, and no active basket."""
    async with httpx.AsyncClient(base_url=shop.urls[0], timeout=300) as one:
        async with httpx.AsyncClient(base_url=shop.urls[1], timeout=300) as two:
            shop.callers = [Caller(one, "main"), Caller(two, "main")]
            await shop.callers[0].change("basketSave", "basket { id }", name="before")
            yield shop


@asynccontextmanager
async def watching(shop: Shop, place: int = 0) -> AsyncIterator[EventStream]:
    """Watches the active basket at one of the servers."""
    async with subscribe(shop.urls[place], ACTIVE) as stream:
        assert await stream.next() is None
        yield stream


async def wait_for(stream: EventStream, version: int) -> list[int]:
    """Waits for a version, and returns all versions that were told until then."""
    versions: list[int] = []
    while not versions or versions[-1] < version:
        versions.append((await stream.next())["version"])
    return versions


async def test_every_server_tells_the_changes_of_every_other(opened: Shop) -> None:
    async with watching(opened, 0) as one, watching(opened, 1) as two:
        for version in range(1, 21):
            await opened.add(version % 2)
            assert await wait_for(one, version) == [version]
            assert await wait_for(two, version) == [version]


async def test_a_redis_that_forgets_or_restarts_loses_no_version(opened: Shop) -> None:
    async with watching(opened, 1) as stream:
        await opened.add()
        await wait_for(stream, 1)
        redis = next(each for each in opened.processes.running if "redis" in str(each.args))
        kill(redis)
        await opened.add()
        await wait_for(stream, 2)
        await asyncio.to_thread(opened.processes.redis, opened.redis_port)
        for version in (3, 4):
            await opened.add()
            await wait_for(stream, version)


async def test_a_server_killed_between_commit_and_notification_loses_no_version(
    opened: Shop, tmp_path: Path
) -> None:
    async with watching(opened) as stream:
        await opened.add()
        await wait_for(stream, 1)
        url, commerce_url = opened.cluster.url, opened.commerce_url
        async with start_server(url, commerce_url, tmp_path, KILLED_AFTER_COMMIT) as dying:
            with pytest.raises(httpx.TransportError):
                await Caller(dying.client, "main").accepted(
                    "basketItemsAdd", items=[line(1)]
                )
        await wait_for(stream, 2)


async def test_a_restarted_postgresql_loses_no_version(opened: Shop) -> None:
    async with watching(opened) as stream, watching(opened, 1) as other:
        await opened.add()
        await wait_for(stream, 1)
        await asyncio.to_thread(opened.cluster.control, "restart")
        payload: Json = {}
        while not payload.get("basket"):
            response = await opened.callers[1].post(
                "mutation ($input: BasketItemsAddInput!) "
                "{ basketItemsAdd(input: $input) { basket { version } } }",
                input={"items": [line(1)]},
            )
            payload = (response.json().get("data") or {}).get("basketItemsAdd") or {}
        version = payload["basket"]["version"]
        await wait_for(stream, version)
        await wait_for(other, version)


async def test_who_comes_back_from_a_dead_connection_gets_what_was_missed(
    opened: Shop,
) -> None:
    basket = await opened.add()
    port = int(opened.urls[0].rpartition(":")[2])
    async with silent_proxy(port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        async with subscribe(url, CHANGES, id=basket["id"]) as stream:
            assert (await stream.next())["basket"]["version"] == 1
            assert proxy.silence() == 1
            for _ in range(3):
                await opened.add(1)
        async with subscribe(url, CHANGES, id=basket["id"], since=1) as stream:
            delta = await stream.next()
    assert (delta["sinceVersion"], delta["basket"]["version"]) == (1, 4)


async def test_sleeps_and_wakes_miss_no_version(opened: Shop) -> None:
    basket = await opened.add()
    device = _Device(opened, basket["id"])
    writer = asyncio.create_task(_change_until(opened, lambda: device.wakes >= WAKES))
    while device.wakes < WAKES:
        await device.wake()
    await writer
    state = await read_state(opened.callers[0], basket["id"])
    await device.wake()
    assert (device.version, device.items) == (state["version"], state.pop("items"))
    assert device.gaps == 0


async def _change_until(shop: Shop, is_over: Any) -> None:
    """Changes the basket at both servers by turns."""
    count = 0
    while not is_over():
        count += 1
        if count % 50 == 0:
            await shop.callers[count % 2].change("basketClear", "basket { id }")
        await shop.add(count % 2, product=(1, 2, 3)[count % 3])


class _Device:
    """A client that sleeps and wakes, and applies the deltas that it is told."""

    def __init__(self, shop: Shop, basket_id: str) -> None:
        self.shop = shop
        self.basket_id = basket_id
        self.version: int | None = None
        self.items: list[Json] = []
        self.wakes = 0
        self.gaps = 0

    async def wake(self) -> None:
        """Subscribes since the last version seen, takes an event or two, and sleeps again."""
        url = self.shop.urls[self.wakes % 2]
        subscription = subscribe(url, CHANGES, id=self.basket_id, since=self.version)
        async with subscription as stream:
            for place in range(1 + self.wakes % 2):
                self.apply(await stream.next(), is_first=place == 0)
                if self.wakes >= WAKES:
                    break
        self.wakes += 1

    def apply(self, delta: Json, *, is_first: bool) -> None:
        """Applies an event; the first after a wake may be empty, each other one is newer."""
        version = delta["basket"]["version"]
        if self.version is not None:
            assert delta["isComplete"] is False
            assert version > self.version or (is_first and version == self.version)
            self.gaps += delta["sinceVersion"] != self.version
        self.items = apply_delta(self.items, delta)
        self.version = version
