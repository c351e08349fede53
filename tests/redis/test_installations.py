"""What a Redis may do to exports: change its primary in the middle, or serve two installations at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from dramatiq import Message

from models.database.connection import connect, disconnect
from tasks.broker import create_broker
from tasks.redis.server import find_redis_server
from tests.support.databases import databases, sqlite_database
from tests.support.exports import ask, ended
from tests.support.large_basket import run
from tests.support.ports import free_port
from tests.support.processes import Processes, kill
from tests.support.redis_servers import RedisServers, redis_servers, wait_for_replica
from tests.support.service import Caller, write_people
from tests.support.waiting import TIMEOUT_SECONDS

BASKET = """
INSERT INTO product (segment, remote_id, sku, name, price, currency, is_available, in_stock, variants, refreshed_at)
SELECT 0, n, 'SKU' || n, 'Product ' || n, 1055, 'try', true, true, '{}', now() FROM generate_series(1, 3) n;
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
SELECT id, 0, 'ACTIVE', 1, now(), now() FROM user_account WHERE email = 'main@example.invalid';
INSERT INTO basket_item (basket_id, product_id, price, currency)
SELECT basket.id, product.id, 1055, 'try' FROM basket, product ORDER BY product.id;
INSERT INTO basket_item_division (item_id, division_id, quantity)
SELECT basket_item.id, division.id, 2 FROM basket_item, division WHERE erp_code = 'ERP01';
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[RedisServers]:
    """A way to start Redis servers of this test."""
    with redis_servers(tmp_path) as started:
        yield started


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """The PostgreSQL test database, with the people and a small basket."""
    for url in databases("postgres", tmp_path):
        asyncio.run(write_basket(url))
        yield url


async def write_basket(url: str) -> None:
    """Writes the people and the basket."""
    await connect(url)
    await write_people()
    await disconnect()
    await run(url, BASKET)


@asynccontextmanager
async def calling(processes: Processes) -> AsyncIterator[Caller]:
    """Starts a server and a worker, and yields a caller."""
    port = free_port()
    await asyncio.to_thread(processes.serve, port)
    await asyncio.to_thread(processes.work)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS
    ) as client:
        yield Caller(client, "main")


async def test_exports_survive_a_fail_over(
    servers: RedisServers, postgres_url: str, tmp_path: Path
) -> None:
    primary = await asyncio.to_thread(servers.start)
    replica = await asyncio.to_thread(
        servers.start, "--replicaof", "127.0.0.1", str(primary)
    )
    sentinel = await asyncio.to_thread(servers.start_sentinel, primary)
    await asyncio.to_thread(wait_for_replica, sentinel, primary)

    folder = tmp_path / "shop"
    folder.mkdir()
    url = f"redis+sentinel://127.0.0.1:{sentinel}/basket/0"
    environment = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": url,
        "COMMERCE_URL": "http://127.0.0.1:1",
    }
    processes = Processes(folder, **environment)
    try:
        async with calling(processes) as caller:
            before = await ended(caller, (await ask(caller))["cacheKey"])
            await asyncio.to_thread(kill, servers.processes.running[0])
            keys = [(await ask(caller))["cacheKey"] for _ in range(3)]
            after = [await ended(caller, key) for key in keys]
            assert [export["status"] for export in [before, *after]] == ["COMPLETED"] * 4
            ready = await caller.client.get("/readyz")
            assert ready.json()["redis"] == "ok"
    finally:
        processes.end()
    assert replica != primary


async def test_installations_on_one_redis_never_take_each_others_messages(
    servers: RedisServers, tmp_path: Path
) -> None:
    port = await asyncio.to_thread(servers.start)
    brokers = []
    for name in ("staging", "production"):
        folder = tmp_path / name
        folder.mkdir()
        await connect(await asyncio.to_thread(sqlite_database, folder))
        server = await find_redis_server(f"redis://127.0.0.1:{port}", "")
        await disconnect()
        brokers.append(create_broker(server, timeout=5, middleware=[]))
        brokers[-1].declare_queue("exports")

    staging, production = brokers
    staging.enqueue(Message("exports", "basket.export", (1,), {}, {}))
    assert next(production.consume("exports", timeout=1)) is None
    message = next(staging.consume("exports", timeout=1))
    assert message is not None
    assert message.args == (1,)
