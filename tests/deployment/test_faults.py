"""Faults survived: the processes of the systemd set-up, behind their proxy, under load, and what strikes them.

Of every fault the same is asked: that nothing acknowledged is lost and nothing is done twice, that requests fail only
while it lasts, and that no process needs help to recover.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.databases import waits_for_lock
from tests.support.deployment import Site, SystemdDeployment
from tests.support.exports import ask, ended, files_of
from tests.support.forks import CLOCK_FOLDER
from tests.support.load import KEYED, PLAIN, loaded
from tests.support.postgres_cluster import Cluster, migrated_cluster
from tests.support.process import write_people_to
from tests.support.processes import Processes, kill
from tests.support.programs import missing
from tests.support.running_deployment import METRICS_TOKEN, Running
from tests.support.shop import serve_shop
from tests.support.waiting import TIMEOUT_SECONDS, eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
    pytest.mark.xdist_group("faults"),
]


RECOVERY_REQUESTS = 100
"""After so many acknowledged requests, which use every connection there is, none may fail any more."""


COMMERCE_SECONDS = 2.5
"""How long the servers wait for Commerce, twice."""


DRAIN_SECONDS = 2.0
"""How long a server that stops goes on listening: shorter than a statement may wait for a lock."""


def environment_of(clock: Path) -> dict[str, str]:
    """Returns what servers and workers get besides their units' environment."""
    clock.write_text("0")
    commerce = {"COMMERCE_TIMEOUT_SECONDS": str(COMMERCE_SECONDS), "COMMERCE_RETRIES": "1"}
    limits = {"RATE_LIMIT_TOKEN": "1000000/minute", "RATE_LIMIT_ADDRESS": "1000000/minute"}
    drain = {"DRAIN_SECONDS": str(DRAIN_SECONDS)}
    return (
        commerce
        | limits
        | drain
        | {"METRICS_TOKEN": METRICS_TOKEN}
        | {"PYTHONPATH": str(CLOCK_FOLDER), "CLOCK_FILE": str(clock)}
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server that may be restarted."""
    with migrated_cluster() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """All processes, for all tests of this file; each leaves them as it found them."""
    await write_people_to(cluster.url)
    processes = Processes(tmp_path_factory.mktemp("faults"))
    clock = processes.folder / "clock"
    async with serve_shop() as shop:
        deployment = SystemdDeployment(processes, Site(cluster.url, shop.url))
        deployment.more = environment_of(clock)
        try:
            await asyncio.to_thread(deployment.start_all)
            yield Running(deployment, cluster, shop, clock)
        finally:
            await asyncio.to_thread(processes.end)


@pytest_asyncio.fixture(loop_scope="module")
async def healthy(running: Running) -> Running:
    """The deployment without baskets, and with the products of the load known."""
    await running.rows(
        "TRUNCATE basket_export, idempotency_key, quotation, basket, product CASCADE"
    )
    async with running.calling() as caller:
        items = [
            {"productRemoteId": number, "divisionErpCode": "ERP02"}
            for number in (KEYED, PLAIN)
        ]
        await caller.accepted("basketItemsAdd", items=items)
        await caller.accepted("basketClear")
    return running


async def test_postgresql_restarted_loses_nothing_and_is_found_again(
    healthy: Running,
) -> None:
    async with loaded(healthy.url) as load:
        begin = time.monotonic()
        await asyncio.to_thread(healthy.cluster.control, "restart")
        await load.flows(RECOVERY_REQUESTS)
        end = time.monotonic()
    assert load.failures
    assert load.failed_outside(begin, end) == []
    await load.check_nothing_is_lost(healthy.cluster.url)


async def test_redis_killed_and_started_empty_fails_no_request_and_loses_no_export(
    healthy: Running,
) -> None:
    deployment, port = healthy.deployment, healthy.deployment.site.redis_port
    async with loaded(healthy.url) as load, healthy.calling() as caller:
        before = (await ask(caller, format="CSV"))["cacheKey"]
        await asyncio.to_thread(kill, deployment.redis)
        during = (await ask(caller, format="CSV"))["cacheKey"]
        await load.flows()
        deployment.redis = await asyncio.to_thread(deployment.processes.redis, port)
        exports = [await ended(caller, key) for key in (before, during)]
    assert [export["status"] for export in exports] == ["COMPLETED", "COMPLETED"]
    assert load.failures == []
    await load.check_nothing_is_lost(healthy.cluster.url)


@pytest.mark.parametrize("fault", [{"delay": 3_600.0}, {"is_gone": True}])
async def test_commerce_hanging_or_gone_holds_up_only_what_must_ask_it(
    healthy: Running, fault: dict[str, float | bool]
) -> None:
    items = [{"productRemoteId": 3, "divisionErpCode": "ERP01"}]
    async with loaded(healthy.url) as load, healthy.calling() as caller:
        for name, value in fault.items():
            setattr(healthy.shop, name, value)
        rejected = await caller.change("basketItemsAdd", items=items)
        # What is known goes on being added meanwhile.
        await load.flows()
        healthy.shop.delay, healthy.shop.is_gone = 0.0, False
        accepted = await caller.change("basketItemsAdd", items=items)
    assert [error["code"] for error in rejected["userErrors"]] == ["COMMERCE_UNAVAILABLE"]
    assert accepted["userErrors"] == []
    assert load.failures == []
    await load.check_nothing_is_lost(healthy.cluster.url)


async def test_a_server_killed_fails_only_what_it_was_answering(healthy: Running) -> None:
    async with loaded(healthy.url) as load:
        begin = time.monotonic()
        await asyncio.to_thread(kill, healthy.deployment.servers[0])
        await load.flows(RECOVERY_REQUESTS)
        recovered = time.monotonic()
        await healthy.restart_server(0)
    # Each of the twelve who ask can have had one request at that server.
    assert len(load.failures) <= 12
    assert load.failed_outside(begin, recovered) == []
    await load.check_nothing_is_lost(healthy.cluster.url)


async def test_servers_restarted_one_after_the_other_fail_no_request(
    healthy: Running,
) -> None:
    async with loaded(healthy.url) as load:
        for place in (0, 1):
            begin = time.monotonic()
            async with (
                healthy.calling(url=healthy.server_url(place)) as caller,
                healthy.locked("quotation") as free,
            ):
                slow = asyncio.create_task(caller.query("{ quotations { totalCount } }"))
                await eventually(
                    lambda: waits_for_lock(healthy.cluster.url),
                    "The request that is under way",
                )
                healthy.deployment.servers[place].terminate()
                await eventually(lambda: healthy.is_draining(place), "The drain")  # noqa: B023
                readiness = await caller.client.get("/readyz")
                assert (readiness.status_code, readiness.json()) == (
                    503,
                    {"status": "draining"},
                )
                await eventually(lambda: healthy.rejects(place), "The end of listening")  # noqa: B023
                assert time.monotonic() - begin > DRAIN_SECONDS
                # It was under way before the signal, and is answered after the server has stopped listening.
                await free()
                assert await slow == {"quotations": {"totalCount": 0}}
            assert (
                await asyncio.to_thread(
                    healthy.deployment.servers[place].wait, TIMEOUT_SECONDS
                )
                == 0
            )
            await healthy.restart_server(place)
    assert load.failures == []
    await load.check_nothing_is_lost(healthy.cluster.url)


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """Puts a disk of 64 kB in the place of a folder, filled to the last byte by the file that it yields."""
    if os.geteuid() != 0:
        missing("Only root may mount a disk that is full.")
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True
    )
    try:
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        yield filler
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_makes_exports_wait_and_nothing_else(healthy: Running) -> None:
    with full_disk(healthy.exports) as filler:
        async with loaded(healthy.url) as load, healthy.calling() as caller:
            key = (await ask(caller, format="CSV"))["cacheKey"]
            while not (
                found := await healthy.rows(
                    "SELECT failure FROM basket_export WHERE failure IS NOT NULL"
                )
            ):
                await asyncio.sleep(0.05)
            assert files_of(healthy.exports) == ["filler"]
            filler.unlink()
            export = await ended(caller, key)
        assert found == [("The file could not be stored: No space left on device.",)]
        assert (export["status"], export["failure"]) == ("COMPLETED", None)
        # The name tells which attempt wrote it.
        assert [name.partition("-")[0] for name in files_of(healthy.exports)] == [key]
    assert load.failures == []
    await load.check_nothing_is_lost(healthy.cluster.url)


async def test_a_clock_set_back_an_hour_holds_nothing_up(healthy: Running) -> None:
    deployment = healthy.deployment
    async with loaded(healthy.url) as load, healthy.calling() as caller:
        signed = (await ended(caller, (await ask(caller, format="CSV"))["cacheKey"]))["url"]
        await asyncio.to_thread(kill, deployment.workers[0])
        key = (await ask(caller, format="CSV"))["cacheKey"]
        # As if the worker had been killed in the middle of it, with the lease that it took by the clock of then.
        await healthy.rows(
            "UPDATE basket_export SET status = 'PROCESSING', attempts = 1, lease_owner = 'killed', "
            f"lease_until = now() + interval '10 seconds', resend_at = now() + interval '10 seconds' "
            f"WHERE cache_key = '{key}'"
        )
        await healthy.set_clocks(-3_600)
        deployment.workers[0] = deployment.start(deployment.worker_command())
        export = await ended(caller, key)
        assert (await caller.client.get(signed)).status_code == 200
        await healthy.set_clocks(0)
    # Waiting for the lease by the clock of now would take an hour, which is longer than anything here waits.
    assert export["status"] == "COMPLETED"
    assert load.failures == []
    await load.check_nothing_is_lost(healthy.cluster.url)
