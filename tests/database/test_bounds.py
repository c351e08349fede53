"""The bounds of the database, on a real PostgreSQL: waits that end, and are answered with 503."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
    suppress,
)

import asyncpg
import httpx
import pytest
from tortoise.transactions import in_transaction

from models.database import connection as database
from models.database.connection import (
    BOUNDS,
    DATABASE_FAILURES,
    Bounds,
    check_answers,
    connect,
    disconnect,
    is_unavailable,
    pool_use,
)
from tests.support.postgres_cluster import Cluster, own_cluster
from tests.support.service import Service, payload_document, serve
from tests.support.shop import Shop
from tests.support.statements import statement
from tests.support.waiting import TIMEOUT_SECONDS, eventually

ADD = "mutation ($items: [BasketItemInput!]!) { basketItemsAdd(input: {items: $items}) { basket { id } } }"
_SETTINGS = statement(
    "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'), "
    "current_setting('jit'), current_setting('timezone')"
)
_SLEEP = statement("SELECT pg_sleep(:seconds)::text")


@asynccontextmanager
async def connected(url: str, pool_size: int, bounds: Bounds) -> AsyncIterator[None]:
    """Keeps the database open."""
    await connect(url, pool_size, bounds)
    try:
        yield
    finally:
        await disconnect()


@asynccontextmanager
async def exhausted(count: int) -> AsyncIterator[None]:
    """Takes so many connections, each by a task of its own, as requests do, and gives them back."""
    is_over, taken = asyncio.Event(), asyncio.Semaphore(0)

    async def hold() -> None:
        async with in_transaction():
            taken.release()
            await is_over.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(hold())
            await taken.acquire()
        try:
            yield
        finally:
            is_over.set()


@asynccontextmanager
async def small_service(url: str, shop: Shop) -> AsyncIterator[Service]:
    """Runs the application on two connections, which are waited for one second."""
    async with serve(
        url,
        shop,
        database_pool_size=2,
        database_pool_wait_seconds=1.0,
        database_statement_timeout_seconds=2.0,
    ) as service:
        yield service


async def test_every_connection_has_its_limits(postgres_url: str) -> None:
    async with connected(postgres_url, 2, BOUNDS):
        row = await _SETTINGS.row()
        assert row is not None
        assert [row[number] for number in range(4)] == ["10s", "1min", "off", "UTC"]


async def test_a_statement_is_cut_off(postgres_url: str) -> None:
    async with connected(postgres_url, 1, Bounds(1.0, 0.2)):
        with pytest.raises(asyncpg.QueryCanceledError) as caught:
            await _SLEEP.rows(seconds=3_600.0)
        assert is_unavailable(caught.value)
        await check_answers()


async def test_an_exhausted_pool_is_waited_for_and_then_answered_with_503(
    postgres_url: str, shop: Shop
) -> None:
    async with small_service(postgres_url, shop) as service:
        async with exhausted(2):
            # Until they are answered, nobody gives a connection back.
            answers = await asyncio.gather(
                *[service.main.post("{ activeBasket { id } }") for _ in range(20)]
            )
        for answer in answers:
            check_unavailable(answer)
        await eventually(lambda: uses() == (0, 0), "The end of all use")
        use = pool_use()
        assert use is not None
        assert use.limit == 2
        assert (await service.main.post("{ activeBasket { id } }")).json() == {
            "data": {"activeBasket": None}
        }


def check_unavailable(answer: httpx.Response) -> None:
    """Checks the answer to a request that the database could not be asked for."""
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"].startswith("application/")
    (error,) = answer.json()["errors"]
    assert set(answer.json()) == {"errors"}
    assert error["message"] == "The database cannot be asked just now; try again soon."
    identifier = answer.headers["x-request-id"]
    assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE", "requestId": identifier}


async def test_a_mutation_that_waits_for_a_lock_too_long_is_answered_with_503_and_changes_nothing(
    postgres_url: str, shop: Shop
) -> None:
    async with small_service(postgres_url, shop) as service:
        line = {"sku": "SKU01", "divisionId": service.division("ERP01"), "quantity": 1}
        before = await service.main.accepted("basketItemsAdd", items=[line])
        holder = await asyncpg.connect(postgres_url)
        transaction = holder.transaction()
        await transaction.start()
        await holder.fetch("SELECT id FROM basket FOR UPDATE")
        answer = await service.main.post(ADD, items=[line])
        await transaction.rollback()
        await holder.close()
        check_unavailable(answer)
        assert await service.main.basket() == before


async def test_after_a_change_an_outage_is_told_where_the_state_is_read_and_not_as_a_request_to_repeat(
    postgres_url: str, shop: Shop
) -> None:
    async with small_service(postgres_url, shop) as service:
        line = {"sku": "SKU01", "divisionId": service.division("ERP01"), "quantity": 1}
        state = "basket { totalQuantity } query { quotations { totalCount } }"
        document = payload_document("basketItemsAdd", state)
        holder = await asyncpg.connect(postgres_url)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK TABLE quotation IN ACCESS EXCLUSIVE MODE")
        answer = await service.main.post(document, input={"items": [line]})
        await transaction.rollback()
        await holder.close()
        (error,) = answer.json()["errors"]
        assert (answer.status_code, "retry-after" in answer.headers) == (200, False)
        assert error["path"] == ["basketItemsAdd", "query", "quotations"]
        assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        basket = await service.main.basket()
        assert basket is not None
        assert basket["totalQuantity"] == 1


def uses() -> tuple[int, int]:
    """Returns how many connections are in use, and how many tasks wait for one."""
    use = pool_use()
    assert use is not None
    return use.in_use, use.waiting


async def test_a_waiting_request_gets_the_connection_that_becomes_free(
    postgres_url: str,
) -> None:
    async with connected(postgres_url, 1, Bounds(TIMEOUT_SECONDS, 5.0)):
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(exhausted(1))
            asked = asyncio.create_task(check_answers())
            await eventually(lambda: uses() == (1, 1), "The waiting for a connection")
        await asked


async def test_an_unreachable_database_is_answered_with_503(
    postgres_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "COMMAND_GRACE_SECONDS", 0.2)
    with own_cluster() as cluster:
        async with connected(cluster.url, 2, Bounds(2.0, 2.0)):
            await check_answers()
            await check_silence(cluster)
        cluster.control("stop")
        async with connected(cluster.url, 2, Bounds(2.0, 2.0)):
            with pytest.raises(OSError, match="."):
                await check_answers()
        async with small_service(postgres_url, shop) as service:
            await disconnect()
            await connect(cluster.url, 2, Bounds(2.0, 2.0))
            check_unavailable(await service.main.post("{ activeBasket { id } }"))
        cluster.start()


async def check_silence(cluster: Cluster) -> None:
    """Freezes a server, checks that nobody waits for it for long, and thaws it."""
    processes = cluster.processes()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        # A server that is frozen never answers; whoever waits for it without an end hangs here.
        found = await asyncio.gather(
            *[check_answers() for _ in range(5)], return_exceptions=True
        )
        assert all(
            isinstance(each, BaseException) and is_unavailable(each) for each in found
        )
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)

    async def answers() -> bool:
        with suppress(*DATABASE_FAILURES, OSError):
            await check_answers()
            return True
        return False

    await eventually(answers, "The answer of the thawed server")


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds the lock of a SQLite file, as another process may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")


async def test_a_locked_sqlite_file_is_waited_for_and_then_answered_with_503(
    sqlite_url: str, shop: Shop
) -> None:
    async with small_service(sqlite_url, shop) as service:
        with locked(sqlite_url.removeprefix("sqlite://")):
            line = {"sku": "SKU01", "divisionId": service.division("ERP01"), "quantity": 1}
            check_unavailable(await service.main.post(ADD, items=[line]))
        assert await service.main.basket() is None
