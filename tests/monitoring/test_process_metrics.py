"""Two server processes behind one port: each scrape answers for both."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Barrier

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.protocol import State

from tests.support.command_line import CommandLine
from tests.support.http import client
from tests.support.process import write_people_to
from tests.support.processes import Processes, answers, free_port, wait_until
from tests.support.shop import Shop
from tests.support.transport_ws import open_peer
from tests.support.waiting import eventually
from web.monitoring.multiprocess import SharedGauges

SCRAPER = {"Authorization": "Bearer for-prometheus"}
MAIN = {"Authorization": "Token main"}
QUERY = {"query": "{ activeBasket { id } }"}


def serves(process_id: int) -> bool:
    """Tells a worker of uvicorn from its other processes."""
    try:
        return b"spawn_main" in Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return False


class Workers:
    """Two workers of uvicorn on one port, with a pool of three connections each."""

    def __init__(self, processes: Processes) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = (sys.executable, "-m", "uvicorn", "server:application", "--workers", "2")
        self.manager: subprocess.Popen[bytes] = processes.start(
            *command, "--port", str(self.port)
        )
        wait_until(lambda: answers(f"{self.url}/healthz"), "The start of uvicorn")

    def process_ids(self) -> set[int]:
        """Returns the processes that the manager has started to serve."""
        manager = self.manager.pid
        children = Path(f"/proc/{manager}/task/{manager}/children").read_text().split()
        return {child for child in map(int, children) if serves(child)}

    def samples(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Scrapes one of the workers, over a connection of its own."""
        response = client().get(f"{self.url}/metrics", headers=SCRAPER)
        assert response.status_code == 200
        families = text_string_to_metric_families(response.text)
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    def sample(self, name: str, *labels: str) -> float:
        """Returns one sample of a scrape; 0 when there is none."""
        return self.samples().get((name, labels), 0.0)


@pytest.fixture
async def workers(postgres_url: str, shop: Shop, tmp_path: Path) -> AsyncIterator[Workers]:
    """Two workers with the people of the tests, ready."""
    await write_people_to(postgres_url)
    folder = tmp_path / "metrics"
    folder.mkdir()
    processes = Processes(
        tmp_path,
        DATABASE_URL=postgres_url,
        DATABASE_POOL_SIZE="3",
        REDIS_URL="",
        COMMERCE_URL=shop.url,
        ENVIRONMENT="test",
        METRICS_TOKEN="for-prometheus",
        PROMETHEUS_MULTIPROC_DIR=str(folder),
    )
    try:
        yield Workers(processes)
    finally:
        processes.end()


def ask(workers: Workers, count: int) -> None:
    """Sends so many queries, each over a connection of its own."""
    for _ in range(count):
        answer = client().post(f"{workers.url}/graphql", json=QUERY, headers=MAIN)
        assert answer.json() == {"data": {"activeBasket": None}}


def test_each_scrape_counts_the_requests_of_both_and_of_those_that_died(
    workers: Workers,
) -> None:
    names = ("basket_requests_total", "query activeBasket", "ok")
    ask(workers, 40)
    assert [workers.sample(*names) for _ in range(6)] == [40.0] * 6
    assert workers.sample("basket_request_seconds_count", "query activeBasket") == 40.0
    limit = "basket_database_connections_limit"
    wait_until(lambda: workers.sample(limit) == 6.0, "The gauges of both workers")
    exports = [workers.sample("basket_exports_read") for _ in range(4)]
    assert exports == [1.0] * 4

    before = workers.process_ids()
    assert len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    wait_until(
        lambda: len(workers.process_ids() - before) == 1, "The start of another worker"
    )
    wait_until(lambda: workers.sample(limit) == 6.0, "The gauges of the living workers")
    ask(workers, 10)
    assert [workers.sample(*names) for _ in range(6)] == [50.0] * 6
    workers.manager.terminate()
    assert workers.manager.wait(30) == 0


async def test_each_scrape_counts_the_websockets_of_both(workers: Workers) -> None:
    name = ("basket_live_connections", "websocket")
    async with AsyncExitStack() as stack:
        url = f"ws://127.0.0.1:{workers.port}/graphql"
        peers = [await stack.enter_async_context(open_peer(url)) for _ in range(12)]
        for peer in peers:
            await peer.initialise()
            await peer.subscribe("1", QUERY["query"])
            assert await peer.next("1") is None
        assert [workers.sample(*name) for _ in range(4)] == [12.0] * 4
        assert workers.sample("basket_live_events_total", "websocket") == 12.0
        assert workers.sample("basket_requests_total", "query activeBasket", "ok") == 12.0

        def living() -> int:
            return sum(peer.connection.state is State.OPEN for peer in peers)

        # Either of them may have all the connections.
        for process_id in workers.process_ids():
            os.kill(process_id, signal.SIGKILL)
            await eventually(
                lambda: workers.sample(*name) == living(), "The count of living connections"
            )
        await eventually(lambda: living() == 0, "The end of all connections")
    await eventually(lambda: workers.sample(*name) == 0.0, "The end of all of them")


def test_scrapes_at_the_same_time_delete_what_dead_processes_left(tmp_path: Path) -> None:
    gauges, scrapers = SharedGauges(str(tmp_path)), 8
    # Linux has no process with such an id.
    for process_id in range(10_000_000, 10_001_000):
        for mode in ("livesum", "livemostrecent"):
            (tmp_path / f"gauge_{mode}_{process_id}.db").touch()
    living = tmp_path / f"gauge_livesum_{os.getpid()}.db"
    living.touch()
    begin = Barrier(scrapers)

    def scrape(number: int) -> None:
        begin.wait()
        gauges.registry()

    with ThreadPoolExecutor(scrapers) as pool:
        assert list(pool.map(scrape, range(scrapers))) == [None] * scrapers
    assert list(tmp_path.iterdir()) == [living]


def test_a_folder_that_is_none_is_rejected_and_an_empty_name_is_none(
    tmp_path: Path,
) -> None:
    url = f"sqlite://{tmp_path / 'basket.sqlite3'}"
    folder = str(tmp_path / "none")
    line = CommandLine(url, PROMETHEUS_MULTIPROC_DIR=folder)
    message = f"PROMETHEUS_MULTIPROC_DIR: there is no folder {folder!r}."
    assert line.run("serve") == (1, "", message)
    assert CommandLine(url, PROMETHEUS_MULTIPROC_DIR="").run("migrate")[0] == 0
