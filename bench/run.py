"""The run: loads the data, compares the answers, measures, and prints the table."""

import argparse
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.checkouts import checkouts_of, prepare_checkout
from bench.equality import check_equality
from bench.files import measure_files
from bench.load import load, make_database
from bench.neighbours import NEIGHBOURS, measure_neighbours
from bench.operations import BESIDE, DIVISION_ID, WORKLOADS, Workload
from bench.population import Placed, populations
from bench.round_trips import round_trips
from bench.rounds import Rounds
from bench.servers import all_running
from bench.table import format_halves, format_table
from bench.wrk import CONNECTIONS

FILES = ("I10k", "E10k")
OTHERS = (*FILES, *NEIGHBOURS)


def select_workloads(names: str | None) -> tuple[list[Workload], list[str]]:
    """Returns the workloads with these names, and the names of OTHERS; all when `names` is None.

    Raises ValueError for an unknown name.
    """
    all_names = [*(workload.name for workload in WORKLOADS), *OTHERS]
    wanted = names.split(",") if names else all_names
    unknown = set(wanted) - set(all_names)
    if unknown:
        raise ValueError(f"There is no workload {', '.join(sorted(unknown))}.")
    workloads = [workload for workload in WORKLOADS if workload.name in wanted]
    return workloads, [name for name in OTHERS if name in wanted]


async def prepare(url: str) -> list[Placed]:
    """Makes the database where it is missing, loads the data and returns its populations."""
    print(f"Loading {urlsplit(url).path.removeprefix('/')} ...", flush=True)
    await make_database(url)
    all_populations = populations()
    await load(url, all_populations, quiet=True)
    return all_populations


async def run(arguments: argparse.Namespace) -> None:
    """Measures the workloads of the command line and prints their table."""
    workloads, others = select_workloads(arguments.only)
    all_populations = await prepare(arguments.database)
    if workloads:
        await _run_workloads(arguments, workloads, all_populations)
    files, neighbours = (
        tuple(name for name in names if name in others) for names in (FILES, NEIGHBOURS)
    )
    url, rounds = arguments.database, arguments.rounds
    for line in await measure_files(url, all_populations, files, rounds):
        print(line, flush=True)
    for line in await measure_neighbours(
        url, all_populations, neighbours, rounds, arguments.seconds
    ):
        print(line, flush=True)


async def _run_workloads(
    arguments: argparse.Namespace, workloads: list[Workload], all_populations: list[Placed]
) -> None:
    kinds, url, beside = arguments.kinds.split(","), arguments.database, None
    if arguments.beside:
        # Next to ours, so that both see the same load of the machine.
        kinds.insert(1, BESIDE)
        # An older checkout may know numbers as ids only.
        workloads = [replace(workload, division_id=DIVISION_ID) for workload in workloads]
        beside = await prepare_checkout(arguments.beside, url, all_populations)
    checkouts = checkouts_of(kinds, url, beside)
    async with connected({checkout.url for checkout in checkouts.values()}) as opened:
        connections = {kind: opened[checkout.url] for kind, checkout in checkouts.items()}
        with all_running(checkouts) as servers:
            ports = {kind: server.port for kind, server in servers.items()}
            count = await check_equality(connections, ports, workloads, all_populations)
            print(f"{count} answers of {', '.join(kinds)} are the same.", flush=True)
            trips = {
                kind: await round_trips(kind, checkout, workloads, all_populations)
                for kind, checkout in checkouts.items()
            }
            rounds = Rounds(
                connections,
                servers,
                all_populations,
                seconds=arguments.seconds,
                warm_up=arguments.warm_up,
                has_half=arguments.half,
            )
            results = await rounds.carry_out(workloads, arguments.rounds)
    print(f"\n{conditions(rounds, arguments.rounds)}")
    print(format_table(results, trips, workloads), flush=True)
    if arguments.half:
        print("\n".join(format_halves(results)), flush=True)


@asynccontextmanager
async def connected(urls: Collection[str]) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    """Opens a connection to each database, by its URL, and closes them all at the end."""
    connections = {url: await asyncpg.connect(url) for url in urls}
    try:
        yield connections
    finally:
        for connection in connections.values():
            await connection.close()


def conditions(rounds: Rounds, count: int) -> str:
    """Returns the sentence above a table: the rounds, and the cores of all processes."""
    return (
        f"Medians of {count} rounds of {rounds.seconds:g} s, {CONNECTIONS} connections; "
        f"one server process on core 0; wrk and {rounds.pinned} PostgreSQL processes on core 1."
    )


def add_run_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the rounds to a command."""
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    command.add_argument(
        "--warm-up", type=float, default=1.0, help="seconds before each measurement"
    )


def checkout(text: str) -> Path:
    """Returns the folder of another checkout; raises ValueError when it holds no server."""
    path = Path(text).resolve()
    if not (path / "server.py").exists():
        raise argparse.ArgumentTypeError(f"{path} has no server.py.")
    return path
