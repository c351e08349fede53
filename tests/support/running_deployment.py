"""A running deployment under load, and what it says of itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.support.deployment import SystemdDeployment
from tests.support.postgres_cluster import Cluster
from tests.support.service import Caller
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS, eventually

METRICS_TOKEN = "of-the-tests-and-long-enough-for-prometheus"


METRICS_HEADERS = {"Authorization": f"Bearer {METRICS_TOKEN}"}


@dataclass
class Running:
    """The deployment, with the services of its own and the file that sets the clocks of its processes."""

    deployment: SystemdDeployment
    cluster: Cluster
    shop: Shop
    clock: Path

    @property
    def url(self) -> str:
        """The proxy's address."""
        return self.deployment.site.proxy_url

    @property
    def exports(self) -> Path:
        """Where exported files are."""
        return self.deployment.processes.folder / "exports"

    def server_url(self, place: int) -> str:
        """The address of one of the servers, past the proxy."""
        return f"http://127.0.0.1:{self.deployment.site.server_ports[place]}"

    @asynccontextmanager
    async def calling(self, *, url: str = "") -> AsyncIterator[Caller]:
        """Yields the main division's buyer, through the proxy unless another address is given."""
        async with httpx.AsyncClient(
            base_url=url or self.url, timeout=TIMEOUT_SECONDS
        ) as client:
            yield Caller(client, "main")

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Asks the database itself."""
        connection = await asyncpg.connect(self.cluster.url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def set_clocks(self, seconds: int) -> None:
        """Sets the clocks of all processes to so many seconds from now, and waits until both servers have them."""
        self.clock.write_text(str(seconds))
        for place in (0, 1):
            async with self.calling(url=self.server_url(place)) as caller:

                async def is_set(caller: Caller = caller) -> bool:
                    date = parsedate_to_datetime(
                        (await caller.client.get("/healthz")).headers["date"]
                    )
                    return abs((date - datetime.now(UTC)).total_seconds() - seconds) < 1_800

                await eventually(is_set, "The change of the clocks")

    async def restart_server(self, place: int) -> None:
        """Starts a server again in the place of one that ended, and waits until the proxy has found it."""
        self.deployment.servers[place] = self.deployment.start_server(place)
        await asyncio.to_thread(self.deployment.wait_for_server, place)
        async with self.calling(url=self.server_url(place)) as caller:

            async def is_used() -> bool:
                """Only the load that comes through the proxy adds items."""
                return (
                    'operation="mutation basketItemsAdd"'
                    in (await caller.client.get("/metrics", headers=METRICS_HEADERS)).text
                )

            await eventually(is_used, "The proxy's finding the server")

    async def is_draining(self, place: int) -> bool:
        """Whether one of the servers says that it is about to stop."""
        async with self.calling(url=self.server_url(place)) as caller:
            return bool(
                (await caller.client.get("/healthz")).json() == {"status": "draining"}
            )

    async def rejects(self, place: int) -> bool:
        """Whether one of the servers no longer listens."""
        try:
            async with self.calling(url=self.server_url(place)) as caller:
                await caller.client.get("/healthz")
        except httpx.ConnectError:
            return True
        return False

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Holds up all statements on a table, and yields what lets them go on."""
        connection = await asyncpg.connect(self.cluster.url)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        try:
            yield transaction.rollback
        finally:
            await connection.close()
