"""The commands of the benchmark."""

import argparse
import asyncio
import signal
import sys
from urllib.parse import urlsplit

import asyncpg

import bench
import settings
from bench.equality import AnswersDiffer, check_equality
from bench.files import measure_files
from bench.growth import grow, memory
from bench.load import load, make_database
from bench.neighbours import NEIGHBOURS, measure_neighbours
from bench.operations import KINDS, WORKLOADS, Workload
from bench.population import populations
from bench.round_trips import round_trips
from bench.rounds import Rounds, table
from bench.servers import ServerFailed, all_running, serve
from bench.wrk import CONNECTIONS, LoadFailed

FILES = ("I10k", "E10k")
OTHERS = (*FILES, *NEIGHBOURS)


def chosen(names: str | None) -> tuple[list[Workload], list[str]]:
    """Returns the workloads with these names, and the names of the others; raises ValueError for an unknown one."""
    wanted = (
        names.split(",") if names else [*(workload.name for workload in WORKLOADS), *OTHERS]
    )
    unknown = set(wanted) - {workload.name for workload in WORKLOADS} - set(OTHERS)
    if unknown:
        raise ValueError(f"There is no workload {', '.join(sorted(unknown))}.")
    return [workload for workload in WORKLOADS if workload.name in wanted], [
        name for name in OTHERS if name in wanted
    ]


async def run(given: argparse.Namespace) -> None:
    """Loads, compares the answers, measures, and prints the table."""
    workloads, others = chosen(given.only)
    places = populations()
    print(f"Loading {urlsplit(given.database).path.removeprefix('/')} ...", flush=True)
    await make_database(given.database)
    await load(given.database, places, quiet=True)
    connection = await asyncpg.connect(given.database)
    kinds = tuple(given.kinds.split(","))
    if workloads:
        with all_running(kinds, given.database) as servers:
            ports = {kind: server.port for kind, server in servers.items()}
            count = await check_equality(connection, ports, workloads, places)
            print(f"{count} answers of {', '.join(kinds)} are the same.", flush=True)
            trips = {
                kind: await round_trips(kind, given.database, workloads, places)
                for kind in kinds
            }
            rounds = Rounds(
                connection, servers, places, seconds=given.seconds, warm_up=given.warm_up
            )
            results = await rounds.carry_out(workloads, given.rounds)
        print(
            f"\nMedians of {given.rounds} rounds of {given.seconds:g} s, {CONNECTIONS} connections; ",
            end="",
        )
        print(
            f"one server process on core 0; wrk and {rounds.pinned} PostgreSQL processes on core 1."
        )
        print(table(results, trips, workloads), flush=True)
    await connection.close()
    files, neighbours = (
        tuple(name for name in kind if name in others) for kind in (FILES, NEIGHBOURS)
    )
    for line in await measure_files(given.database, places, files, given.rounds):
        print(line, flush=True)
    for line in await measure_neighbours(
        given.database, places, neighbours, given.rounds, given.seconds
    ):
        print(line, flush=True)


async def load_alone(given: argparse.Namespace) -> None:
    """Loads the data and says how much it is."""
    await make_database(given.database)
    counts = await load(given.database, populations(given.users, given.items))
    print(", ".join(f"{count:,} {table}" for table, count in counts.items()))
    print(f"Tokens: bench-1 to bench-{given.users}.")


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the commands."""
    root = argparse.ArgumentParser(
        prog="scripts/bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands.add_parser("run", help="measure all workloads, or some; the default"))
    loading = _added(commands.add_parser("load", help="load the data alone"), load_alone)
    loading.add_argument("--users", type=int, default=200)
    loading.add_argument("--items", type=int, default=20)
    growing = _added(
        commands.add_parser("grow", help="R20 with many baskets against R20 with 1,000"),
        grow,
    )
    growing.add_argument("--baskets", type=int, default=1_000_000)
    growing.add_argument("--rounds", type=int, default=3)
    growing.add_argument("--seconds", type=float, default=5.0)
    growing.add_argument(
        "--keep",
        action="store_true",
        help="keep the large database, and use it if it is there",
    )
    remembering = _added(
        commands.add_parser("memory", help="growth of the server's memory after warm-up"),
        memory,
    )
    remembering.add_argument("--requests", type=int, default=100_000)
    serving = _added(
        commands.add_parser("serve", help="serve stock or by hand, for a profiler"), None
    )
    serving.add_argument("kind", choices=["stock", "by hand", "commerce"])
    serving.add_argument("--port", type=int, default=9_000)
    return root


def _add_run(running: argparse.ArgumentParser) -> None:
    _added(running, run)
    names = ",".join([*(workload.name for workload in WORKLOADS), *OTHERS])
    running.add_argument("--only", help=f"the workloads to measure, of {names}")
    running.add_argument("--rounds", type=int, default=3)
    running.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    running.add_argument(
        "--warm-up", type=float, default=1.0, help="seconds before each measurement"
    )
    running.add_argument("--kinds", default=",".join(KINDS), help="the servers to measure")


def _added(command: argparse.ArgumentParser, carry_out: object) -> argparse.ArgumentParser:
    command.set_defaults(carry_out=carry_out)
    command.add_argument("--database", default=settings.BENCH_DATABASE_URL)
    return command


def main(arguments: list[str]) -> int:
    """Carries out a command and returns the exit status."""
    commands = {"run", "load", "grow", "memory", "serve", "-h", "--help"}
    given = parser().parse_args(
        arguments if commands & set(arguments[:1]) else ["run", *arguments]
    )
    if given.carry_out is None:
        serve(given.kind, given.port, given.database)
        return 0
    # Told to stop, it ends the servers it has started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        asyncio.run(given.carry_out(given))
    except (AnswersDiffer, LoadFailed, ServerFailed, ValueError, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
