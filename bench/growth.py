"""What must not grow: the cost of a read with the number of baskets, and the memory with the number of requests."""

import argparse
from contextlib import ExitStack
from statistics import median
from urllib.parse import urlsplit

import asyncpg
import httpx

from bench.backends import pin_backends
from bench.load import load, make_database
from bench.operations import WORKLOADS, Call
from bench.population import Placed, Population, placed
from bench.servers import Server, running
from bench.wrk import put_load

FEW_BASKETS = 1_000
BUYERS = 200
"""Between how many buyers R20 rotates, spread over all."""
READ = next(workload for workload in WORKLOADS if workload.name == "R20")
DRAFTS = next(workload for workload in WORKLOADS if workload.name == "D")
ADD = next(workload for workload in WORKLOADS if workload.name == "W2")
WARM_UP_SHARE = 5
"""The warm-up has a fifth of the requests, and that many times as many new documents as the rest."""
SAMPLES = 10


def _spread(place: Placed) -> list[Call]:
    calls = READ.calls([place])
    return calls[:: max(1, len(calls) // BUYERS)]


def _database(url: str, baskets: int) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}_{baskets}").geturl()


async def _loaded(url: str, place: Placed, *, keep: bool) -> None:
    await make_database(url)
    connection = await asyncpg.connect(url)
    found = await connection.fetchval("SELECT COUNT(*) FROM basket")
    await connection.close()
    if not (keep and found == place.basket_count):
        print(
            f"Loading {place.basket_count:,} baskets of {place.population.items} items ...",
            flush=True,
        )
        await load(url, [place])


async def grow(given: argparse.Namespace) -> None:
    """Measures R20 of ours with 1,000 baskets and with many, in turn, and prints the ratio of the costs."""
    places = {
        count: next(placed([Population("bench", count, 20)]))
        for count in (FEW_BASKETS, given.baskets)
    }
    urls = {count: _database(given.database, count) for count in places}
    for count, place in places.items():
        await _loaded(urls[count], place, keep=given.keep)
    with ExitStack() as resources:
        commerce = resources.enter_context(running("commerce", urls[FEW_BASKETS], 1))
        servers = {
            count: resources.enter_context(
                running("ours", url, commerce_port=commerce.port)
            )
            for count, url in urls.items()
        }
        rates = await _rates(servers, urls, places, given)
    few, many = (median(rates[count]) for count in places)
    print(
        f"R20: {few:,.0f} requests/s with {FEW_BASKETS:,} baskets, {many:,.0f} with {given.baskets:,}:",
        end=" ",
    )
    print(f"a read costs {few / many:.3f} times as much.")
    if not given.keep:
        await _drop(given.database, list(urls.values()))


async def _rates(
    servers: dict[int, Server],
    urls: dict[int, str],
    places: dict[int, Placed],
    given: argparse.Namespace,
) -> dict[int, list[float]]:
    rates: dict[int, list[float]] = {count: [] for count in places}
    for _ in range(given.rounds):
        for count, server in servers.items():
            calls, shape = _spread(places[count]), READ.shape("ours")
            put_load(server.port, shape, calls, 1)
            connection = await asyncpg.connect(urls[count])
            await pin_backends(connection)
            await connection.close()
            rates[count].append(put_load(server.port, shape, calls, given.seconds).rate)
    return rates


async def _drop(url: str, urls: list[str]) -> None:
    server = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    for each in urls:
        await server.execute(
            f'DROP DATABASE "{urlsplit(each).path.removeprefix("/")}" WITH (FORCE)'
        )
    await server.close()


async def memory(given: argparse.Namespace) -> None:
    """Asks ours for reads, lists, changes and ever new documents, and prints how its memory grows after a warm-up."""
    place, drafts = placed(
        [Population("bench", BUYERS, 20), Population("bench-draft", 20, 20, "DRAFT", 20)]
    )
    await make_database(given.database)
    await load(given.database, [place, drafts], quiet=True)
    with running("commerce", given.database, 1) as commerce:
        with running("ours", given.database, commerce_port=commerce.port) as server:
            asking = Asking(server, [place, drafts])
            warm = asking.ask(given.requests // WARM_UP_SHARE, new=given.requests // 50)
            print(
                f"{warm:,} requests to warm up: {server.resident_megabytes():.1f} MB",
                flush=True,
            )
            before, after = _watched(asking, server, given.requests)
    print(
        f"The memory grew by {100 * (after - before) / before:.1f} %: from {before:.1f} to {after:.1f} MB."
    )


def _watched(asking: "Asking", server: Server, requests: int) -> tuple[float, float]:
    before = server.resident_megabytes()
    done = 0
    while done < requests:
        done += asking.ask(requests // SAMPLES, new=requests // 1_000)
        print(f"{done:,} requests: {server.resident_megabytes():.1f} MB", flush=True)
    return before, server.resident_megabytes()


class Asking:
    """A mixture of requests, with documents that were never sent before among them."""

    def __init__(self, server: Server, populations: list[Placed]) -> None:
        self.server = server
        self.populations = populations
        self.documents = 0

    def ask(self, requests: int, *, new: int) -> int:
        """Sends at least so many requests, so many new documents among them, and returns how many were answered."""
        done = self._ask_new(new)
        while done < requests:
            for workload in (READ, ADD, DRAFTS):
                calls, shape = workload.calls(self.populations), workload.shape("ours")
                done += put_load(self.server.port, shape, calls, 2).requests
        return done

    def _ask_new(self, count: int) -> int:
        address = f"http://127.0.0.1:{self.server.port}/graphql"
        with httpx.Client(headers={"Authorization": "Token bench-1"}) as client:
            for number in range(self.documents, self.documents + count):
                query = READ.document.replace("query Read", f"query Read{number}")
                client.post(address, json={"query": query}).raise_for_status()
        self.documents += count
        return count
