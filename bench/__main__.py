"""The commands of the benchmark."""

import argparse
import asyncio
import signal
import sys

import bench
import settings
from bench.bulk import measure_bulk
from bench.checkouts import MigrationFailed
from bench.day import measure_day
from bench.equality import AnswersDiffer
from bench.files import FilesDiffer
from bench.growth import grow, memory
from bench.live import measure_live
from bench.load import load, make_database
from bench.operations import KINDS, WORKLOADS
from bench.peers.packages import PackagesMissing
from bench.peers.run import READS, run_peers
from bench.population import populations
from bench.run import OTHERS, add_run_options, checkout, run
from bench.servers import ServerFailed, serve
from bench.storage import measure_storage
from bench.wrk import LoadFailed


async def load_alone(arguments: argparse.Namespace) -> None:
    """Loads the data and prints its size."""
    await make_database(arguments.database)
    counts = await load(arguments.database, populations(arguments.users, arguments.items))
    print(", ".join(f"{count:,} {table}" for table, count in counts.items()))
    print(f"Tokens: bench-1 to bench-{arguments.users}.")


def create_parser() -> argparse.ArgumentParser:
    """Returns the parser of the commands."""
    root = argparse.ArgumentParser(
        prog="scripts/bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands.add_parser("run", help="measure all workloads, or some; the default"))
    _add_peers(commands.add_parser("peers", help="Mercurius and PostGraphile beside ours"))
    _add_load(commands.add_parser("load", help="load the data alone"))
    _add_grow(
        commands.add_parser("grow", help="R20 with many baskets against R20 with 1,000")
    )
    _add_memory(
        commands.add_parser("memory", help="growth of the server's memory after warm-up")
    )
    _add_storage(commands.add_parser("storage", help="bytes per addition with a key"))
    _add_bulk(commands.add_parser("bulk", help="changes of many lines at once"))
    _add_command(
        commands.add_parser("day", help="bytes of a day's use of a basket"), measure_day
    )
    _add_live(commands.add_parser("live", help="delays and costs of watched baskets"))
    _add_serve(commands.add_parser("serve", help="serve stock or by hand, for a profiler"))
    return root


def _add_run(command: argparse.ArgumentParser) -> None:
    _add_command(command, run)
    names = ",".join([*(workload.name for workload in WORKLOADS), *OTHERS])
    command.add_argument("--only", help=f"the workloads to measure, of {names}")
    command.add_argument("--kinds", default=",".join(KINDS), help="the servers to measure")
    _add_beside(command)
    command.add_argument(
        "--half",
        action="store_true",
        help="measure latencies at half of each server's rate, too, at constant intervals",
    )
    add_run_options(command)


def _add_beside(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--beside",
        metavar="PATH",
        type=checkout,
        help="another checkout, whose server is measured too",
    )


def _add_peers(command: argparse.ArgumentParser) -> None:
    _add_command(command, run_peers)
    names = ",".join(workload.name for workload in READS)
    command.add_argument("--only", default=names, help=f"the workloads, of {names}")
    add_run_options(command)


def _add_load(command: argparse.ArgumentParser) -> None:
    _add_command(command, load_alone)
    command.add_argument("--users", type=int, default=200)
    command.add_argument("--items", type=int, default=20)


def _add_grow(command: argparse.ArgumentParser) -> None:
    _add_command(command, grow)
    command.add_argument("--baskets", type=int, default=1_000_000)
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--seconds", type=float, default=5.0)
    command.add_argument(
        "--keep",
        action="store_true",
        help="keep the large database, and use it if it is there",
    )


def _add_memory(command: argparse.ArgumentParser) -> None:
    _add_command(command, memory)
    command.add_argument("--requests", type=int, default=100_000)


def _add_storage(command: argparse.ArgumentParser) -> None:
    _add_command(command, measure_storage)
    command.add_argument("--additions", type=int, default=20_000)
    _add_beside(command)


def _add_bulk(command: argparse.ArgumentParser) -> None:
    _add_command(command, measure_bulk)
    command.add_argument("--rounds", type=int, default=5)


def _add_live(command: argparse.ArgumentParser) -> None:
    _add_command(command, measure_live)
    command.add_argument("--rate", type=float, default=100.0, help="changes per second")
    command.add_argument("--seconds", type=float, default=20.0)
    command.add_argument("--watchers", type=int, default=1_000, help="watched baskets")
    command.add_argument("--idle", type=int, default=10_000, help="idle watchers")


def _add_serve(command: argparse.ArgumentParser) -> None:
    _add_command(command, None)
    command.add_argument("kind", choices=["stock", "by hand", "commerce"])
    command.add_argument("--port", type=int, default=9_000)


def _add_command(command: argparse.ArgumentParser, function: object) -> None:
    command.set_defaults(function=function)
    command.add_argument("--database", default=settings.BENCH_DATABASE_URL)


def main(words: list[str]) -> int:
    """Carries out a command and returns the exit status."""
    commands = {
        "run",
        "peers",
        "load",
        "grow",
        "memory",
        "storage",
        "bulk",
        "day",
        "live",
        "serve",
        "-h",
        "--help",
    }
    arguments = create_parser().parse_args(
        words if commands & set(words[:1]) else ["run", *words]
    )
    if arguments.function is None:
        serve(arguments.kind, arguments.port, arguments.database)
        return 0
    # Ends the servers it has started when it is terminated.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        asyncio.run(arguments.function(arguments))
    except (
        AnswersDiffer,
        FilesDiffer,
        LoadFailed,
        MigrationFailed,
        PackagesMissing,
        ServerFailed,
        ValueError,
        OSError,
    ) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
