"""REST, OIDC and RI: reads through REST, with tokens of a provider, and beside a large import.

REST reads the baskets of R20 through the REST interface, in turn with GraphQL. OIDC is R20 with
tokens of an identity provider, in turn with tokens of ours. RI is R20 while another buyer imports
files of 50,000 rows, in turn with the same reads alone. All compare measurements that follow each
other, and print the medians of the rounds.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

import asyncpg
import httpx

from bench.checkouts import checkouts_of
from bench.files import send
from bench.identity_provider import BenchProvider, serving_provider
from bench.operations import OURS, WORKLOADS, Call, Shape
from bench.population import Placed
from bench.reset import reset
from bench.servers import Server, all_running
from bench.wrk import Load, NothingAnswered, put_load

NEIGHBOURS = ("REST", "OIDC", "RI")
ROWS = 50_000
PRODUCTS = 5_000
"""Products of the imported file, each in ten rows."""
_DOCUMENT = (
    "query Read { activeBasket { id totalAmount totalQuantity segmentRemoteId items { "
    "totalAmount price quantity productRemoteId divisions { division { id name erpCode } "
    "quantity } product { sku name price currency variants productImage } } } }"
)
"""The fields that the REST interface answers."""
_BODY = json.dumps({"query": _DOCUMENT, "variables": {}})
GRAPHQL, REST = Shape("POST", "/graphql", _BODY), Shape("GET", "/api/v1/basket/", "")
(_READ,) = [workload for workload in WORKLOADS if workload.name == "R20"]


class Neighbours:
    """The measurements, on one server."""

    def __init__(
        self,
        server: Server,
        connection: asyncpg.Connection,
        populations: list[Placed],
        seconds: float,
        provider: BenchProvider,
    ) -> None:
        self.server = server
        self.connection = connection
        self.populations = populations
        self.seconds = seconds
        self.calls = _READ.calls(populations)
        self.provider = provider

    async def read(self, shape: Shape, calls: Sequence[Call] | None = None) -> Load:
        """Reads baskets for the time of one measurement."""
        # wrk blocks, and the import goes on meanwhile.
        load = await asyncio.to_thread(
            put_load, self.server.port, shape, calls or self.calls, self.seconds
        )
        if not load.requests:
            raise NothingAnswered(shape.path, self.seconds)
        return load

    async def rest(self, rounds: int) -> str:
        """Compares reads through REST with those through GraphQL."""
        pairs = [(await self.read(REST), await self.read(GRAPHQL)) for _ in range(rounds)]
        ours, other = (
            median(load.rate for load in loads) for loads in zip(*pairs, strict=True)
        )
        return f"REST: {ours:,.0f} reads/s, GraphQL {other:,.0f}: {ours / other:.2f} times as many"

    async def oidc(self, rounds: int) -> str:
        """Compares the processor time of reads with tokens of a provider and with ours."""
        shape, calls = _READ.shape("ours"), self.provider.with_tokens(self.calls)
        # All of them are seen before anything is measured: users are bound, tokens remembered.
        await self.read(shape, calls)
        pairs = [
            (await self._cost(shape, calls), await self._cost(shape, self.calls))
            for _ in range(rounds)
        ]
        theirs, ours = (median(costs) for costs in zip(*pairs, strict=True))
        return (
            f"OIDC: {theirs:.0f} µs of the server's core per read, {ours:.0f} with tokens of "
            f"ours: {ours / theirs:.2f} times as fast"
        )

    async def _cost(self, shape: Shape, calls: Sequence[Call]) -> float:
        """Returns the microseconds of the server's core per request."""
        began = self.server.processor_seconds()
        load = await self.read(shape, calls)
        return (self.server.processor_seconds() - began) / load.requests * 1e6

    async def beside_imports(self, rounds: int) -> str:
        """Compares reads beside imports with those alone."""
        shape = _READ.shape("ours")
        pairs = [
            (await self._importing(lambda: self.read(shape)), await self.read(shape))
            for _ in range(rounds)
        ]
        busy, idle = (
            median(load.p99 for load in loads) for loads in zip(*pairs, strict=True)
        )
        return (
            f"RI: p99 {busy:.1f} ms beside imports, {idle:.1f} ms alone: "
            f"{busy / idle:.2f} times as long"
        )

    async def _importing(self, measure: Callable[[], Awaitable[Load]]) -> Load:
        # Commerce does not sell these products, so all of them have to be fresh.
        await reset(self.connection, self.populations)
        importing = asyncio.create_task(self._import())
        try:
            return await measure()
        finally:
            # The load has ended, and with it the import that it ran beside.
            importing.cancel()
            await asyncio.wait([importing])
            if not importing.cancelled():
                # An import that failed is no load, and is reported.
                importing.result()

    async def _import(self) -> None:
        """Imports one file after the other, until it is cancelled."""
        content = self._content()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.server.port}", timeout=60
        ) as client:
            while True:
                await send(client, content, "csv", ROWS)

    def _content(self) -> bytes:
        (importer,) = [
            placed
            for placed in self.populations
            if placed.population.prefix == "bench-import"
        ]
        company = importer.main_division(1) // 2 + 1
        rows = [f"BENCH-{number % PRODUCTS + 1},1,BM{company}" for number in range(ROWS)]
        return "\n".join(["product__sku,quantity,division__erp_code", *rows]).encode()


async def measure_neighbours(
    url: str, populations: list[Placed], names: Sequence[str], rounds: int, seconds: float
) -> list[str]:
    """Measures REST, OIDC and RI, as far as named, and returns a line for each."""
    if not names:
        return []
    connection = await asyncpg.connect(url)
    try:
        with (
            serving_provider() as provider,
            all_running(checkouts_of([OURS], url), settings=provider.settings) as servers,
        ):
            neighbours = Neighbours(
                servers["ours"], connection, populations, seconds, provider
            )
            measures = {
                "REST": neighbours.rest,
                "OIDC": neighbours.oidc,
                "RI": neighbours.beside_imports,
            }
            return [await measures[name](rounds) for name in names]
    finally:
        await connection.close()
