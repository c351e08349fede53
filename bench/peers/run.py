"""The command `scripts/bench peers`: ours beside Mercurius and PostGraphile, in the same rounds."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx

from bench.checkouts import checkouts_of
from bench.equality import BUYERS, AnswersDiffer
from bench.operations import OURS, WORKLOADS, Workload
from bench.peers.equality import DOCUMENT, comparable_basket, differences
from bench.peers.packages import installed_folder, node_version
from bench.population import Placed
from bench.round_trips import ask
from bench.rounds import Rounds
from bench.run import conditions, prepare
from bench.servers import Server, all_running
from bench.table import format_table

POSTGRAPHILE_NODE = 22
"""The oldest major version of Node that PostGraphile 5 runs on."""
READS = tuple(
    replace(workload, documents={"postgraphile": DOCUMENT})
    for workload in WORKLOADS
    if workload.name in {"R20", "R100", "R500"}
)


def peer_commands(folder: Path) -> dict[str, list[str]]:
    """Returns the commands of the peers that run here; prints why one does not."""
    node, version = node_version(folder)
    # Both libraries check more, and more slowly, in development.
    production = ["env", "NODE_ENV=production", "GRAPHILE_ENV=production", str(node)]
    commands = {"mercurius": [*production, str(folder / "mercurius.mjs")]}
    if version >= POSTGRAPHILE_NODE:
        commands["postgraphile"] = [*production, str(folder / "postgraphile.mjs")]
    else:
        print(
            f"PostGraphile needs Node {POSTGRAPHILE_NODE}, and this is {version}: left out."
        )
    return commands


async def check_baskets(
    servers: Mapping[str, Server], workloads: list[Workload], populations: list[Placed]
) -> int:
    """Compares the baskets of the servers field by field; returns the number of answers.

    Raises AnswersDiffer with the first fields that differ.
    """
    count = 0
    for workload in workloads:
        for call in workload.calls(populations)[:BUYERS]:
            baskets = {}
            for kind, server in servers.items():
                address = f"http://127.0.0.1:{server.port}"
                async with httpx.AsyncClient(base_url=address, timeout=30) as client:
                    body = await ask(client, workload.shape(kind), call)
                baskets[kind] = comparable_basket(kind, body)
            for kind, basket in baskets.items():
                different = list(differences(baskets[OURS], basket))
                if different:
                    raise AnswersDiffer(f"{OURS} and {kind} differ: {different[:3]}")
            count += len(baskets)
    return count


async def run_peers(arguments: argparse.Namespace) -> None:
    """Loads the data, compares the baskets, measures the reads and prints their table."""
    commands = peer_commands(installed_folder())
    names = arguments.only.split(",")
    workloads = [workload for workload in READS if workload.name in names]
    populations = await prepare(arguments.database)
    connection = await asyncpg.connect(arguments.database)
    try:
        checkouts = checkouts_of([OURS, *commands], arguments.database)
        with all_running(checkouts, commands) as servers:
            count = await check_baskets(servers, workloads, populations)
            print(f"{count} baskets of {', '.join(servers)} are the same.", flush=True)
            rounds = Rounds(
                dict.fromkeys(servers, connection),
                servers,
                populations,
                seconds=arguments.seconds,
                warm_up=arguments.warm_up,
            )
            results = await rounds.carry_out(workloads, arguments.rounds)
    finally:
        await connection.close()
    print(f"\n{conditions(rounds, arguments.rounds)}")
    print(format_table(results, {}, workloads), flush=True)
