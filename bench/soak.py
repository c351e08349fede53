"""The soak: an hour of a shop's work in five minutes, and whether anything fails, grows or is lost.

    scripts/soak              five minutes
    scripts/soak --seconds 60

64 connections, each a buyer of their own, read, add, save, submit, import and export without a pause, against the
processes of the systemd set-up: two servers and a worker behind HAProxy, on a PostgreSQL and a Redis of their own. It
ends with status 0 when every answer was right, the baskets hold exactly what was acknowledged, and neither memory, file
descriptors nor database connections have grown between the end of the warm-up and the end.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import asyncpg

from bench.soak_buyer import Buyer, Record
from commerce.demo import serve_demo
from models.database.connection import connect, disconnect, migrate_forward
from models.division import Division
from models.user import Token, User, digest_of
from tests.support.deployment import Site, SystemdDeployment
from tests.support.postgres_cluster import binaries, own_cluster
from tests.support.process import write_people_to
from tests.support.processes import Processes

CONNECTIONS = 64
WARM_UP = 0.4
"""The share of the time after which nothing may grow any more."""
GROWTH = 1.10
"""By what factor memory may differ between the end of the warm-up and the end."""
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Sample:
    """What the processes use at a moment: resident bytes, open files, database connections."""

    memory: int
    files: int
    connections: int


@dataclass
class Report:
    """What the soak found."""

    seconds: float
    record: Record
    samples: list[Sample] = field(default_factory=list)
    pieces_kept: int = 0

    def before_and_after(self, name: str) -> tuple[float, float]:
        """Returns the medians of a tenth of the samples, at the end of the warm-up and at the end."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        tenth, begin = max(1, len(values) // 10), int(len(values) * WARM_UP)
        return median(values[begin : begin + tenth]), median(values[-tenth:])

    def complaints(self) -> list[str]:
        """Returns what did not hold."""
        found = list(dict.fromkeys(self.record.wrong))[:10]
        if self.pieces_kept != self.record.pieces:
            found.append(
                f"{self.record.pieces} pieces were acknowledged, and {self.pieces_kept} are kept."
            )
        for name, factor, slack in (
            ("memory", GROWTH, 0),
            ("files", 1.0, 20),
            ("connections", 1.0, 8),
        ):
            before, after = self.before_and_after(name)
            if after > before * factor + slack:
                found.append(f"The {name} grew from {before:,.0f} to {after:,.0f}.")
        return found

    def lines(self) -> list[str]:
        """Returns the report, for a person."""
        total = sum(len(times) for times in self.record.seconds.values())
        lines = [
            f"{total:,} operations in {self.seconds:.0f} s, {len(self.record.wrong)} of them wrong"
        ]
        for kind, times in self.record.seconds.items():
            shares = "".join(
                f"{1000 * percentile(times, share):9.1f}" for share in (0.5, 0.99, 1.0)
            )
            lines.append(f"{kind:8}{len(times):9,}   ms at 50 %, 99 %, 100 %:{shares}")
        for name, unit in (("memory", 2**20), ("files", 1), ("connections", 1)):
            before, after = self.before_and_after(name)
            lines.append(
                f"{name:12}{before / unit:9.1f} after the warm-up, {after / unit:9.1f} at the end"
            )
        return [
            *lines,
            f"{self.record.pieces:,} pieces acknowledged, {self.pieces_kept:,} kept",
        ]


def percentile(times: Sequence[float], share: float) -> float:
    """Returns the time that a share of all does not exceed; 0 of none."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def family_of(process: int) -> Iterable[int]:
    """Yields a process and its children, and theirs."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family_of(int(child))


def use_of(processes: Iterable[int]) -> tuple[int, int]:
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
    """The running set-up, and the buyers."""

    def __init__(
        self, deployment: SystemdDeployment, database_url: str, seconds: float
    ) -> None:
        self.deployment = deployment
        self.database_url = database_url
        self.report = Report(seconds, Record())

    async def run(self) -> Report:
        """Lets all buyers work, watches the processes meanwhile, and counts what is kept in the end."""
        until = time.monotonic() + self.report.seconds
        watching = asyncio.create_task(self._watch())
        async with asyncio.TaskGroup() as buyers:
            for number in range(CONNECTIONS):
                buyers.create_task(self._buy(number, until))
        watching.cancel()
        kept = await self._number(
            "SELECT COALESCE(SUM(quantity), 0) FROM basket_item_division"
        )
        self.report.pieces_kept = kept
        return self.report

    async def _buy(self, number: int, until: float) -> None:
        timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=1)
        url = self.deployment.site.proxy_url
        async with aiohttp.ClientSession(
            url, connector=connector, timeout=timeout
        ) as session:
            await Buyer(session, f"soak-{number}", self.report.record).run(until)

    async def _watch(self) -> None:
        # The servers' children that read spreadsheets come and go, and are not counted.
        servers = [process.pid for process in self.deployment.servers]
        workers = [
            each for process in self.deployment.workers for each in family_of(process.pid)
        ]
        while True:
            memory, files = use_of([*servers, *workers])
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
            await Token.create(user=user, digest=digest_of(f"soak-{number}"))
    finally:
        await disconnect()


async def soak(seconds: float, folder: Path) -> Report:
    """Starts everything, soaks it, and ends everything."""
    with own_cluster() as cluster:
        await migrate_forward(cluster.url)
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


def main() -> int:
    """Reads the command line, soaks, and reports; returns the exit status."""
    parser = argparse.ArgumentParser(description="Soaks the whole set-up under mixed load.")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="how long; 300 when left out"
    )
    given = parser.parse_args()
    if binaries() is None:
        print(
            "PostgreSQL's server programs are needed: initdb and pg_ctl.", file=sys.stderr
        )
        return 2
    with TemporaryDirectory(prefix="basket-soak-") as folder:
        report = asyncio.run(soak(given.seconds, Path(folder)))
    print("\n".join(report.lines()))
    complaints = report.complaints()
    print("\n".join(complaints) if complaints else "It held.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
