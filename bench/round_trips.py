"""Counts round trips to the database on the wire, the same measure for all servers.

A proxy between server and PostgreSQL reads the messages of the frontend protocol. A simple Query, a
Sync and a Flush each ask for an answer, and each answer is waited for: one round trip.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from statistics import median
from urllib.parse import urlsplit

import httpx

from bench.checkouts import Checkout
from bench.operations import Call, Shape, Workload
from bench.population import Placed
from bench.servers import running

ASKING = {ord("Q"), ord("S"), ord("H")}
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
WARM_CALLS, COUNTED_CALLS = 5, 5


class Proxy:
    """A proxy that counts the messages that ask for an answer."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.count = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Forwards one connection in both directions."""
        back_reader, back_writer = await asyncio.open_connection(*self.target)
        try:
            await asyncio.gather(
                self._forward(reader, writer, back_writer), _copy(back_reader, writer)
            )
        finally:
            back_writer.close()
            writer.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: asyncio.StreamWriter,
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            length = await reader.readexactly(4)
            start = length + await reader.readexactly(int.from_bytes(length) - 4)
            if start == SSL_REQUEST:
                # Encrypted messages could not be counted.
                writer.write(b"N")
                length = await reader.readexactly(4)
                start = length + await reader.readexactly(int.from_bytes(length) - 4)
            # The first message of a connection has no type.
            target.write(start)
            while True:
                head = await reader.readexactly(5)
                target.write(head + await reader.readexactly(int.from_bytes(head[1:]) - 4))
                # Parse, Bind and Execute are sent together, and Sync asks for their answer.
                self.count += head[0] in ASKING
        target.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
    writer.close()


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Runs a proxy before the database of a URL; yields it, and the URL through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    try:
        yield proxy, parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
    finally:
        server.close()


async def ask(client: httpx.AsyncClient, shape: Shape, call: Call) -> bytes:
    """Makes one call and returns the body of the answer."""
    headers = {"Authorization": f"Token {call.token}", "Content-Type": "application/json"}
    response = await client.request(
        shape.method, shape.path, content=shape.body_of(call), headers=headers
    )
    response.raise_for_status()
    return response.content


async def round_trips(
    kind: str, checkout: Checkout, workloads: list[Workload], populations: list[Placed]
) -> dict[str, tuple[int, int]]:
    """Returns the round trips of a buyer's first request and of the next one, by workload."""
    async with counting(checkout.url) as (proxy, through):
        context = running(kind, through, root=checkout.root)
        # A server connects while it starts, so the proxy has to run meanwhile.
        server = await asyncio.to_thread(context.__enter__)
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}", timeout=30
            ) as client:
                return await Counting(proxy, client, kind).carry_out(workloads, populations)
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)


class Counting:
    """Counts the round trips of one server."""

    def __init__(self, proxy: Proxy, client: httpx.AsyncClient, kind: str) -> None:
        self.proxy = proxy
        self.client = client
        self.kind = kind
        self.seen: set[str] = set()

    async def carry_out(
        self, workloads: list[Workload], populations: list[Placed]
    ) -> dict[str, tuple[int, int]]:
        """Returns the counts by workload, of buyers whose tokens the server has not seen yet."""
        return {
            workload.name: await self._counted(workload, populations)
            for workload in workloads
            if self.kind not in workload.unsupported
        }

    async def _counted(
        self, workload: Workload, populations: list[Placed]
    ) -> tuple[int, int]:
        shape, calls = workload.shape(self.kind), workload.calls(populations)
        for call in calls[:WARM_CALLS]:
            await ask(self.client, shape, call)
            self.seen.add(call.token)
        counted = [call for call in calls if call.token not in self.seen][:COUNTED_CALLS]
        self.seen.update(call.token for call in counted)
        return await self._median(shape, counted), await self._median(shape, counted)

    async def _median(self, shape: Shape, calls: list[Call]) -> int:
        counts = []
        for call in calls:
            before = self.proxy.count
            await ask(self.client, shape, call)
            counts.append(self.proxy.count - before)
        return int(median(counts))
