"""Live baskets: the delay from a change to its event, and the cost of watchers.

Many watchers of a basket each, beside changes at a constant rate and reads of the same selection;
idle watchers, with their memory and the time of the comparisons of versions; and many watchers of
one basket beside one of it. Watchers are WebSockets, and the server is one process.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Mapping

import aiohttp

from bench.checkouts import checkouts_of
from bench.load import load, make_database
from bench.operations import OURS
from bench.population import Placed, Population, place_populations
from bench.servers import Server, all_running
from bench.watchers import close_watchers, open_watchers

SELECTION = "{ version totalAmount items { quantity price product { sku name } } }"
WATCH = f"subscription {{ activeBasket {SELECTION} }}"
READ = f"{{ activeBasket {SELECTION} }}"
ADD = """mutation ($id: Int!) {
  basketItemsAdd(input: {items: [{productRemoteId: $id, divisionId: "%s"}]}) {
    basket { version } userErrors { message } } }"""
READS_PER_CHANGE = 0.2
IDLE_SECONDS = 10.0
ITEMS = 20


async def measure_live(arguments: argparse.Namespace) -> None:
    """Prints the delays and the costs."""
    users = max(arguments.watchers, 1_000)
    (population,) = place_populations([Population("bench", users, ITEMS)])
    await make_database(arguments.database)
    await load(arguments.database, [population], quiet=True)
    with all_running(checkouts_of([OURS], arguments.database, None)) as servers:
        live = Live(servers[OURS], population)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{live.server.port}") as session:
            live.session = session
            print(await live.delays(arguments.rate, arguments.seconds), flush=True)
            print(await live.sharing(), flush=True)
            print(await live.idle(arguments.idle), flush=True)


class Live:
    """The measurements, on one server."""

    session: aiohttp.ClientSession

    def __init__(self, server: Server, population: Placed) -> None:
        self.server = server
        self.population = population

    async def delays(self, rate: float, seconds: float) -> str:
        """Changes baskets at a constant rate, each of which is watched, and reads meanwhile."""
        users = min(1_000, self.population.population.users)
        told: dict[tuple[int, int], float] = {}
        tokens = [self._token(number) for number in range(users)]
        watchers = await open_watchers(
            self.server.port,
            tokens,
            WATCH,
            lambda number, version: told.setdefault((number, version), time.perf_counter()),
        )
        changed, reads = await self._change(users, rate, seconds)
        await asyncio.sleep(1.0)
        await close_watchers(watchers)
        newest: dict[int, int] = {}
        for number, version in told:
            newest[number] = max(version, newest.get(number, 0))
        # Changes that follow each other closely are one event, of the last of them.
        missed = [change for change in changed if change[1] > newest.get(change[0], 0)]
        lags = [told[change] - at for change, at in changed.items() if change in told]
        return (
            f"{users:,} watchers of as many baskets, {len(changed) / seconds:.0f} changes/s: "
            f"event after the change's answer p50 {_ms(lags, 0.5)}, p99 {_ms(lags, 0.99)}; "
            f"a read beside it p50 {_ms(reads, 0.5)}, p99 {_ms(reads, 0.99)}; "
            f"missed {len(missed)}."
        )

    async def _change(
        self, users: int, rate: float, seconds: float
    ) -> tuple[dict[tuple[int, int], float], list[float]]:
        changed: dict[tuple[int, int], float] = {}
        reads: list[float] = []
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for count in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begin + count / rate - time.perf_counter()))
                group.create_task(self._add(random.randrange(users), changed))  # noqa: S311
                if random.random() < READS_PER_CHANGE:  # noqa: S311
                    group.create_task(self._read(random.randrange(users), reads))  # noqa: S311
        return changed, reads

    async def sharing(self) -> str:
        """Changes one basket with one watcher, then with a thousand."""
        times = []
        for count in (1, 1_000):
            tokens = [self._token(0)] * count
            watchers = await open_watchers(
                self.server.port, tokens, WATCH, lambda number, version: None
            )
            await asyncio.sleep(2.0)
            before = self.server.processor_seconds()
            for _ in range(10):
                await self._add(0, {})
                await asyncio.sleep(0.5)
            times.append((self.server.processor_seconds() - before) / 10 * 1_000)
            await close_watchers(watchers)
            await asyncio.sleep(1.0)
        one, many = times
        return (
            f"A change of a watched basket takes {one:.2f} ms of processor time for 1 watcher, "
            f"{many:.2f} ms for 1,000: {(many - one) / 999 * 1_000:.1f} us per watcher."
        )

    async def idle(self, count: int) -> str:
        """Opens watchers that are told nothing, and measures their memory and processor time."""
        users = self.population.population.users
        await asyncio.sleep(1.0)
        before = self.server.resident_megabytes()
        tokens = [self._token(number % users) for number in range(count)]
        watchers = await open_watchers(
            self.server.port, tokens, WATCH, lambda number, version: None
        )
        await asyncio.sleep(3.0)
        after = self.server.resident_megabytes()
        began = self.server.processor_seconds()
        await asyncio.sleep(IDLE_SECONDS)
        share = (self.server.processor_seconds() - began) / IDLE_SECONDS
        await close_watchers(watchers)
        return (
            f"{count:,} idle watchers: {(after - before) * 1_024 / count:.1f} KB each beyond "
            f"{before:.0f} MB, and {share * 1_000:.0f} ms of processor time a second for all."
        )

    async def _add(self, number: int, changed: dict[tuple[int, int], float]) -> None:
        division = self.population.main_division(number + 1)
        document = ADD % division
        variables = {"id": self.population.held_product(number + 1)}
        data = await self._post(number, document, variables)
        payload = data["basketItemsAdd"]
        changed[number, payload["basket"]["version"]] = time.perf_counter()

    async def _read(self, number: int, reads: list[float]) -> None:
        begin = time.perf_counter()
        await self._post(number, READ, {})
        reads.append(time.perf_counter() - begin)

    async def _post(
        self, number: int, document: str, variables: Mapping[str, object]
    ) -> dict[str, dict[str, dict[str, int]]]:
        content = {"query": document, "variables": variables}
        headers = {"Authorization": f"Token {self._token(number)}"}
        async with self.session.post("/graphql", json=content, headers=headers) as response:
            data: dict[str, dict[str, dict[str, int]]] = (await response.json())["data"]
            return data

    def _token(self, number: int) -> str:
        return self.population.population.token(number + 1)


def _ms(seconds: list[float], part: float) -> str:
    ordered = sorted(seconds)
    return f"{ordered[int(len(ordered) * part)] * 1_000:.1f} ms"
