"""Runs the whole set-up under the load of 64 buyers, and watches what its processes use."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import asyncpg

from commerce.demo import serve_demo
from models.database.connection import connect, disconnect
from models.division import Division
from models.user import Token, User, hash_token
from tests.soak.buyer import Buyer, Record
from tests.soak.report import Report, Sample
from tests.soak.watcher import Watcher
from tests.support.deployment import Site, SystemdDeployment
from tests.support.postgres_cluster import migrated_cluster
from tests.support.process import write_people_to
from tests.support.processes import Processes

CONNECTIONS = 64
SAMPLE_SECONDS = 0.5


def process_tree(process: int) -> Iterable[int]:
    """Yields a process and all processes below it."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from process_tree(int(child))


def memory_and_files(processes: Iterable[int]) -> tuple[int, int]:
    """Returns how many bytes of memory and how many open files processes have."""
    memory = files = 0
    for process in processes:
        try:
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            files += sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
        except FileNotFoundError:
            continue
        memory += pages * 4096
    return memory, files


class Soak:
    """The running set-up and its buyers."""

    def __init__(
        self, deployment: SystemdDeployment, database_url: str, seconds: float
    ) -> None:
        self.deployment = deployment
        self.database_url = database_url
        self.report = Report(seconds, Record())

    async def run(self) -> Report:
        """Runs all buyers for the time of the report, and returns it with samples and counts."""
        until = time.monotonic() + self.report.seconds
        sampling = asyncio.create_task(self._sample())
        async with asyncio.TaskGroup() as buyers:
            for number in range(CONNECTIONS):
                buyers.create_task(self._buy_and_watch(number, until))
        sampling.cancel()
        stored = await self._number(
            "SELECT COALESCE(SUM(quantity), 0) FROM basket_item_division"
        )
        self.report.pieces_stored = stored
        return self.report

    async def _buy_and_watch(self, number: int, until: float) -> None:
        token, record = f"soak-{number}", self.report.record
        timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=2)
        url = self.deployment.site.proxy_url
        async with aiohttp.ClientSession(
            url, connector=connector, timeout=timeout
        ) as session:
            watcher = Watcher(session, token, record)
            watching = asyncio.create_task(watcher.run())
            try:
                await Buyer(session, token, record).run(until)
                await watcher.catch_up()
            finally:
                watching.cancel()
                await asyncio.wait([watching])

    async def _sample(self) -> None:
        # The servers' children that read spreadsheets come and go, and are not counted.
        servers = [process.pid for process in self.deployment.servers]
        workers = [
            member
            for process in self.deployment.workers
            for member in process_tree(process.pid)
        ]
        while True:
            memory, files = memory_and_files([*servers, *workers])
            open_now = await self._number(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            self.report.samples.append(Sample(memory, files, open_now - 1))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _number(self, statement: str) -> int:
        connection = await asyncpg.connect(self.database_url)
        try:
            return int(await connection.fetchval(statement))
        finally:
            await connection.close()


async def write_buyers(database_url: str) -> None:
    """Writes the divisions of the tests, and a buyer of ERP02 for every connection."""
    await write_people_to(database_url)
    await connect(database_url, 1)
    try:
        division = await Division.get(erp_code="ERP02")
        for number in range(CONNECTIONS):
            email = f"soak-{number}@example.invalid"
            user = await User.create(
                division=division, first_name="Soak", last_name=str(number), email=email
            )
            await Token.create(user=user, digest=hash_token(f"soak-{number}"))
    finally:
        await disconnect()


async def soak(seconds: float, folder: Path) -> Report:
    """Starts everything, soaks it, and ends everything."""
    with migrated_cluster() as cluster:
        await write_buyers(cluster.url)
        processes = Processes(folder)
        try:
            async with serve_demo() as commerce_url:
                deployment = SystemdDeployment(processes, Site(cluster.url, commerce_url))
                # Files of exports expire meanwhile, so that this is part of the soak, too.
                deployment.more = {
                    "EXPORT_KEPT_SECONDS": "60",
                    "RATE_LIMIT_ADDRESS": "1000000/minute",
                }
                await asyncio.to_thread(deployment.start_all)
                return await Soak(deployment, cluster.url, seconds).run()
        finally:
            await asyncio.to_thread(processes.end)
