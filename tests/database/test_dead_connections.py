"""Connections that die without a word: no request waits for them for long, and all are replaced."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import REGISTRY
from tortoise.transactions import in_transaction

from application import create_application
from models.database.connection import (
    DATABASE_FAILURES,
    Bounds,
    check_answers,
    connect,
    disconnect,
    is_unavailable,
    pool_use,
)
from models.database.postgres import watch
from settings import ROOT
from settings.options import Options
from tests.support.loop_time import loop_clock
from tests.support.programs import missing, program
from tests.support.service import Service, open_client, serve
from tests.support.shop import Shop
from tests.support.silent_proxy import SilentProxy, silent_proxy
from tests.support.statements import statement
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long


LONGEST_SECONDS = 3.0
"""The longest that a request may wait for a database that is silent, by the clock of the event loop."""

_SLEEP = statement("SELECT pg_sleep(:seconds)::text")


@asynccontextmanager
async def proxied(postgres_url: str) -> AsyncIterator[tuple[SilentProxy, str]]:
    """Yields a proxy before the database, and the database's address through it."""
    parts = urlsplit(postgres_url)
    async with silent_proxy(parts.port or 5432) as proxy:
        location = f"{parts.username}@127.0.0.1:{proxy.port}"
        yield proxy, parts._replace(netloc=location).geturl()


@asynccontextmanager
async def connected(url: str, pool_size: int) -> AsyncIterator[None]:
    """Keeps the database open, with the default bounds."""
    await connect(url, pool_size, Bounds())
    try:
        yield
    finally:
        await disconnect()


async def sleep_on(count: int, seconds: float) -> list[BaseException | None]:
    """Runs so many statements at once, each of that length; returns their errors."""
    jobs = [_SLEEP.rows(seconds=seconds) for _ in range(count)]
    answers = await asyncio.gather(*jobs, return_exceptions=True)
    return [answer if isinstance(answer, BaseException) else None for answer in answers]


async def is_out(question: Awaitable[object]) -> bool:
    """Returns whether a question fails by an outage."""
    (answer,) = await asyncio.gather(question, return_exceptions=True)
    return isinstance(answer, BaseException) and is_unavailable(answer)


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """Checks that the event loop did not wait longer in the block than a request may."""
    async with loop_clock() as clock:
        yield
        assert clock.seconds < LONGEST_SECONDS


async def check_outage(count: int) -> None:
    """Asks the database `count` times at once; each must fail by the outage."""
    failures = await asyncio.gather(*[is_out(check_answers()) for _ in range(count)])
    assert failures == [True] * count


async def test_idle_connections_that_a_balancer_forgot_fail_no_request(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STALE_SAMPLES", 2)
    async with proxied(postgres_url) as (proxy, url), connected(url, 20):
        assert await sleep_on(20, 0.1) == [None] * 20
        await asyncio.sleep(4 * watch.SAMPLE_SECONDS)
        assert proxy.silence() == 20
        before = REGISTRY.get_sample_value("basket_database_pool_replaced_total") or 0
        async with bounded():
            assert await sleep_on(20, 0.01) == [None] * 20
        after = REGISTRY.get_sample_value("basket_database_pool_replaced_total") or 0
        assert after - before == 1


async def test_nobody_waits_long_while_the_database_is_silent_and_all_is_well_afterwards(
    postgres_url: str,
) -> None:
    async with proxied(postgres_url) as (proxy, url), connected(url, 4):
        assert await sleep_on(4, 0.05) == [None] * 4
        proxy.is_silent = True
        assert proxy.silence() == 4
        for _ in range(2):
            async with bounded():
                await check_outage(20)
        proxy.is_silent = False
        await check_answers()
        use = pool_use()
        assert use is not None
        assert (use.in_use, use.waiting) == (0, 0)


async def test_a_slow_statement_on_a_server_that_answers_is_left_alone(
    postgres_url: str,
) -> None:
    async with connected(postgres_url, 2):
        assert await sleep_on(2, 3.0) == [None, None]


async def test_a_task_whose_transaction_could_not_begin_can_go_on(
    postgres_url: str,
) -> None:
    async with proxied(postgres_url) as (proxy, url), connected(url, 1):
        await check_answers()
        proxy.silence()
        async with bounded():
            with pytest.raises((OSError, *DATABASE_FAILURES)) as caught:
                async with in_transaction():
                    pytest.fail("The transaction began on a silent connection.")
        assert is_unavailable(caught.value)
        # The same task, so the same context variables: Tortoise left the dead client in them.
        await check_answers()
        async with in_transaction():
            await check_answers()


async def test_a_transaction_that_is_idle_for_long_is_left_alone(postgres_url: str) -> None:
    async with connected(postgres_url, 2), in_transaction():
        await check_answers()
        await asyncio.sleep(10 * watch.SAMPLE_SECONDS)
        await check_answers()


async def test_requests_are_answered_with_503_and_then_again(
    postgres_url: str, shop: Shop
) -> None:
    async with proxied(postgres_url) as (proxy, url), serve(url, shop) as service:
        await check_service(service, 200)
        proxy.is_silent = True
        proxy.silence()
        async with bounded():
            await check_service(service, 503)
        proxy.is_silent = False
        await check_service(service, 200)


async def check_service(service: Service, status: int) -> None:
    """Sends twenty requests at once, which must all get this status."""
    answers = await asyncio.gather(
        *[service.main.post("{ viewer { id } }") for _ in range(20)]
    )
    assert [answer.status_code for answer in answers] == [status] * 20


async def test_the_background_loops_outlive_a_silence(
    postgres_url: str, shop: Shop
) -> None:
    async with proxied(postgres_url) as (proxy, url):
        application = create_application(
            Options(
                database_url=url,
                commerce_url=shop.url,
                redis_url="",
                export_url="memory://silence",
            )
        )
        async with open_client(application) as client:
            proxy.is_silent = True
            proxy.silence()
            await wait_for_metric(client, 1)
            proxy.is_silent = False
            await wait_for_metric(client, 0)


async def wait_for_metric(client: httpx.AsyncClient, value: int) -> None:
    """Waits until the loop of the exports fails, or works again."""
    pattern = re.compile(r'basket_background_failing\{loop="exports"\} (\d)')
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            response = await client.get("/metrics")
            found = pattern.search(response.text)
            if found and int(found[1]) == value:
                return
            await asyncio.sleep(0.1)


def test_dropped_packets_hold_nobody_up() -> None:
    unshare, iptables, ip = (program(name) for name in ("unshare", "iptables", "ip"))
    own = [unshare, "--net", "--"]
    may = subprocess.run(
        [*own, iptables, "-L", "-n"], capture_output=True, text=True, check=False
    )
    if may.returncode:
        missing(
            f"This user may not drop packets in a network namespace (CAP_NET_ADMIN, CAP_SYS_ADMIN): {may.stderr}"
        )
    script = (
        f'"{ip}" link set lo up && exec "{sys.executable}" -m tests.support.dropped_packets'
    )
    done = subprocess.run(
        [*own, "sh", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["waits"]) == 30
    assert min(found["waits"]) > 0
    assert max(*found["waits"], found["slowest"]) < LONGEST_SECONDS
    assert found["lost"]
