"""No export is lost: real servers, workers, PostgreSQL and Redis, and what kills them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import redis
import xlrd

from tests.support.databases import databases
from tests.support.exports import ask, ended, files_of, state
from tests.support.large_basket import run, write_large_basket
from tests.support.ports import free_port
from tests.support.postgres_cluster import migrated_cluster
from tests.support.postgres_database import TEST_DATABASE_URL
from tests.support.processes import Processes, kill
from tests.support.service import Caller
from tests.support.waiting import TIMEOUT_SECONDS, eventually

pytestmark = pytest.mark.long


NO_TRIGGER = """
DROP TRIGGER IF EXISTS gate ON basket_export;
DROP FUNCTION IF EXISTS wait_at_gate;
DROP TRIGGER IF EXISTS completed ON basket_export;
DROP FUNCTION IF EXISTS note_completion;
DROP TABLE IF EXISTS completion;
"""


NO_WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""
"""Ends the statements at the gate: what a killed worker had sent is otherwise carried out when the gate opens."""


ROWS = 15_000


@contextmanager
def processes_of(folder: Path, **environment: str) -> Iterator[Processes]:
    """Yields processes that end with the test."""
    processes = Processes(folder, **environment)
    try:
        yield processes
    finally:
        processes.end()


class Production:
    """A server on PostgreSQL and a Redis of its own; workers are started by the test."""

    def __init__(
        self, processes: Processes, database_url: str, redis_port: int, caller: Caller
    ) -> None:
        self.processes = processes
        self.database_url = database_url
        self.redis_port = redis_port
        self.caller = caller

    async def work(self) -> Any:
        """Starts a worker."""
        return await asyncio.to_thread(self.processes.work)

    @asynccontextmanager
    async def begun_export(self) -> AsyncIterator[str]:
        """Asks for an export, and yields its key while it is being written; until the end none is completed."""
        gate = await asyncpg.connect(self.database_url)
        await gate.execute("SELECT pg_advisory_lock(4711)")
        try:
            key = (await ask(self.caller))["cacheKey"]

            async def is_begun() -> bool:
                return bool((await state(self.caller, key))["status"] == "PROCESSING")

            await eventually(is_begun, "The beginning of the export")
            yield key
        finally:
            gate.terminate()

    async def completed_once(self, *keys: str) -> None:
        """Waits until exports are completed, checks that each was once, and that its file is whole."""
        for key in keys:
            export = await ended(self.caller, key)
            assert (export["status"], export["rowsWritten"], export["failure"]) == (
                "COMPLETED",
                ROWS,
                None,
            )
        connection = await asyncpg.connect(self.database_url)
        counts = await connection.fetch(
            "SELECT count(*) FROM completion GROUP BY export_id"
        )
        await connection.close()
        assert [row[0] for row in counts] == [1] * len(keys)
        files = files_of(self.processes.folder / "exports")
        assert sorted(name[:32] for name in files) == sorted(keys)
        first = (
            self.processes.folder
            / "exports"
            / next(name for name in files if name.startswith(keys[0]))
        )
        assert (
            await asyncio.to_thread(
                lambda: xlrd.open_workbook(first).sheet_by_index(0).nrows
            )
            == ROWS + 1
        )


@asynccontextmanager
async def calling(port: int, token: str) -> AsyncIterator[Caller]:
    """Yields a caller of a server."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS
    ) as client:
        yield Caller(client, token)


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """The PostgreSQL test database, empty."""
    yield from databases("postgres", tmp_path)


@asynccontextmanager
async def production_on(postgres_url: str, folder: Path) -> AsyncIterator[Production]:
    """Starts a server with a large basket, and no worker yet."""
    port, redis_port = free_port(), free_port()
    environment = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/3",
        "REDIS_PREFIX": "of-the-test",
        "COMMERCE_URL": "http://127.0.0.1:1",
    }
    with processes_of(folder, **environment) as processes:
        try:
            await write_large_basket(postgres_url)
            await asyncio.to_thread(processes.redis, redis_port)
            await asyncio.to_thread(processes.serve, port)
            async with calling(port, "main") as caller:
                yield Production(processes, postgres_url, redis_port, caller)
        finally:
            processes.end()
            await run(postgres_url, NO_TRIGGER)


@pytest.fixture
async def production(postgres_url: str, tmp_path: Path) -> AsyncIterator[Production]:
    """Production on the PostgreSQL test database."""
    async with production_on(postgres_url, tmp_path) as started:
        yield started


async def test_a_worker_killed_in_the_middle_of_an_export_loses_nothing(
    production: Production,
) -> None:
    worker = await production.work()
    async with production.begun_export() as key:
        await asyncio.to_thread(kill, worker)
        assert (await state(production.caller, key))["status"] == "PROCESSING"
        await run(production.database_url, NO_WAITING)
    await production.work()
    await production.completed_once(key)


async def test_a_worker_that_is_told_to_stop_gives_its_exports_back(
    production: Production,
) -> None:
    worker = await production.work()
    async with production.begun_export() as first:
        keys = [first, *[(await ask(production.caller))["cacheKey"] for _ in range(2)]]
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, TIMEOUT_SECONDS) == 0
        statuses = [(await state(production.caller, key))["status"] for key in keys]
    assert "PROCESSING" not in statuses
    assert "WAITING" in statuses
    await production.work()
    await production.completed_once(*keys)


async def test_a_redis_that_forgets_everything_loses_nothing(
    production: Production,
) -> None:
    keys = [(await ask(production.caller))["cacheKey"] for _ in range(3)]
    with redis.Redis(port=production.redis_port, db=3) as client:
        while client.llen("of-the-test-jobs:exports") != 3:
            await asyncio.sleep(0.05)
        client.flushall()
        assert client.dbsize() == 0
    await production.work()
    await production.completed_once(*keys)


async def test_a_database_that_goes_away_for_three_seconds_loses_nothing(
    production: Production,
) -> None:
    await production.work()
    name = urlsplit(production.database_url).path[1:]
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    async with production.begun_export() as key:
        await run(TEST_DATABASE_URL, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        for _ in range(30):
            await run(TEST_DATABASE_URL, cut)
            await asyncio.sleep(0.1)
    await run(TEST_DATABASE_URL, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await production.completed_once(key)


async def test_a_database_restarted_under_a_running_worker_loses_nothing(
    tmp_path: Path,
) -> None:
    with migrated_cluster() as cluster:
        async with production_on(cluster.url, tmp_path) as production:
            await production.work()
            async with production.begun_export() as key:
                await asyncio.to_thread(cluster.control, "restart")
            await production.completed_once(key)


async def test_a_redis_that_is_down_makes_the_job_wait_and_not_the_mutation_fail(
    production: Production,
) -> None:
    await production.work()
    await asyncio.to_thread(kill, production.processes.running[0])
    export = await ask(production.caller)
    assert export["status"] == "WAITING"
    await asyncio.to_thread(production.processes.redis, production.redis_port)
    await production.completed_once(export["cacheKey"])


async def test_an_embedded_server_that_is_killed_finishes_its_exports_when_it_comes_back(
    tmp_path: Path,
) -> None:
    environment = {
        "DATABASE_URL": f"sqlite://{tmp_path / 'basket.sqlite3'}",
        "REDIS_URL": "",
        "COMMERCE_URL": "",
    }
    port = free_port()
    # What the demo catalogue sells in one currency.
    sold = [
        number for number in range(101, 501) if number % 6 and number % 97 and number % 211
    ][:300]
    items = [
        {"productRemoteId": number, "divisionErpCode": f"ERP0{place}"}
        for number in sold
        for place in (1, 2, 3)
    ]
    with processes_of(tmp_path, **environment) as processes:
        server = await asyncio.to_thread(processes.serve, port)
        async with calling(port, "demo-main") as caller:
            await caller.accepted("basketItemsAdd", items=items)
            keys = [(await ask(caller))["cacheKey"] for _ in range(10)]
            await asyncio.to_thread(kill, server)
        await asyncio.to_thread(processes.serve, port)
        async with calling(port, "demo-main") as caller:
            exports = [await ended(caller, key) for key in keys]
    assert [export["status"] for export in exports] == ["COMPLETED"] * 10
    assert {export["rowsWritten"] for export in exports} == {900}
    assert sorted(name[:32] for name in files_of(tmp_path / "exports")) == sorted(keys)
