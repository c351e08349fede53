"""Growth: the cost of a read by the number of baskets, and the memory by the number of requests."""

import argparse
from contextlib import ExitStack
from statistics import median
from urllib.parse import urlsplit

import asyncpg
import httpx

from bench.backends import pin_backends
from bench.load import load, make_database
from bench.operations import WORKLOADS, Call
from bench.population import Placed, Population, place_populations
from bench.servers import Server, running
from bench.wrk import put_load

FEW_BASKETS = 1_000
BUYERS = 200
"""Buyers of R20, evenly spread over all."""
READ = next(workload for workload in WORKLOADS if workload.name == "R20")
DRAFTS = next(workload for workload in WORKLOADS if workload.name == "D")
ADD = next(workload for workload in WORKLOADS if workload.name == "W2")
WARM_UP_SHARE = 5
"""The quotient of measured requests and those of the warm-up."""
SAMPLES = 10


def _spread(population: Placed) -> list[Call]:
    calls = READ.calls([population])
    return calls[:: max(1, len(calls) // BUYERS)]


def _database(url: str, baskets: int) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}_{baskets}").geturl()


async def _load(url: str, population: Placed, *, keep: bool) -> None:
    await make_database(url)
    connection = await asyncpg.connect(url)
    count = await connection.fetchval("SELECT COUNT(*) FROM basket")
    await connection.close()
    if not (keep and count == population.basket_count):
        print(
            f"Loading {population.basket_count:,} baskets "
            f"of {population.population.items} items ...",
            flush=True,
        )
        await load(url, [population])


async def grow(arguments: argparse.Namespace) -> None:
    """Measures R20 with 1,000 baskets and with many, in turn, and prints the ratio of the costs."""
    populations = {
        count: next(place_populations([Population("bench", count, 20)]))
        for count in (FEW_BASKETS, arguments.baskets)
    }
    urls = {count: _database(arguments.database, count) for count in populations}
    for count, population in populations.items():
        await _load(urls[count], population, keep=arguments.keep)
    with ExitStack() as resources:
        commerce = resources.enter_context(running("commerce", urls[FEW_BASKETS], 1))
        servers = {
            count: resources.enter_context(
                running("ours", url, commerce_port=commerce.port)
            )
            for count, url in urls.items()
        }
        rates = await _rates(servers, urls, populations, arguments)
    few, many = (median(rates[count]) for count in populations)
    print(
        f"R20: {few:,.0f} requests/s with {FEW_BASKETS:,} baskets, "
        f"{many:,.0f} with {arguments.baskets:,}: a read costs {few / many:.3f} times as much."
    )
    if not arguments.keep:
        await _drop(arguments.database, list(urls.values()))


async def _rates(
    servers: dict[int, Server],
    urls: dict[int, str],
    populations: dict[int, Placed],
    arguments: argparse.Namespace,
) -> dict[int, list[float]]:
    rates: dict[int, list[float]] = {count: [] for count in populations}
    for _ in range(arguments.rounds):
        for count, server in servers.items():
            calls, shape = _spread(populations[count]), READ.shape("ours")
            # Opens the connections, so that they can be pinned.
            put_load(server.port, shape, calls, 1)
            connection = await asyncpg.connect(urls[count])
            await pin_backends(connection)
            await connection.close()
            rates[count].append(put_load(server.port, shape, calls, arguments.seconds).rate)
    return rates


async def _drop(url: str, urls: list[str]) -> None:
    server = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    for database in urls:
        # Backends of the servers that have just ended may still be connected.
        await server.execute(
            f'DROP DATABASE "{urlsplit(database).path.removeprefix("/")}" WITH (FORCE)'
        )
    await server.close()


async def memory(arguments: argparse.Namespace) -> None:
    """Sends reads, lists, changes and new documents, and prints the growth of the memory."""
    buyers, drafts = place_populations(
        [Population("bench", BUYERS, 20), Population("bench-draft", 20, 20, "DRAFT", 20)]
    )
    await make_database(arguments.database)
    await load(arguments.database, [buyers, drafts], quiet=True)
    with running("commerce", arguments.database, 1) as commerce:
        with running("ours", arguments.database, commerce_port=commerce.port) as server:
            mixture = Mixture(server, [buyers, drafts])
            warm = mixture.send(
                arguments.requests // WARM_UP_SHARE, new=arguments.requests // 50
            )
            print(
                f"{warm:,} requests to warm up: {server.resident_megabytes():.1f} MB",
                flush=True,
            )
            before, after = _watch(mixture, server, arguments.requests)
    print(
        f"The memory grew by {100 * (after - before) / before:.1f} %: "
        f"from {before:.1f} to {after:.1f} MB."
    )


def _watch(mixture: "Mixture", server: Server, requests: int) -> tuple[float, float]:
    before = server.resident_megabytes()
    done = 0
    while done < requests:
        done += mixture.send(requests // SAMPLES, new=requests // 1_000)
        print(f"{done:,} requests: {server.resident_megabytes():.1f} MB", flush=True)
    return before, server.resident_megabytes()


class Mixture:
    """Sends a mixture of requests, some with documents that were never sent before."""

    def __init__(self, server: Server, populations: list[Placed]) -> None:
        self.server = server
        self.populations = populations
        self.documents = 0

    def send(self, requests: int, *, new: int) -> int:
        """Sends at least `requests`, of them `new` with new documents; returns the number sent."""
        done = self._send_new(new)
        while done < requests:
            for workload in (READ, ADD, DRAFTS):
                calls, shape = workload.calls(self.populations), workload.shape("ours")
                done += put_load(self.server.port, shape, calls, 2).requests
        return done

    def _send_new(self, count: int) -> int:
        address = f"http://127.0.0.1:{self.server.port}/graphql"
        with httpx.Client(headers={"Authorization": "Token bench-1"}) as client:
            for number in range(self.documents, self.documents + count):
                # Another name makes another document, which no cache holds.
                query = READ.document.replace("query Read", f"query Read{number}")
                client.post(address, json={"query": query}).raise_for_status()
        self.documents += count
        return count
