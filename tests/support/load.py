"""Buyers who add to their baskets all the time, and remember each answer, while something goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.support.service import payload_document
from tests.support.waiting import TIMEOUT_SECONDS

BUYERS = {"main": "ERP01", "sub": "ERP02", "other": "ERP05"}
PAUSE_SECONDS = 0.2
"""Between two additions of a buyer; processes that start meanwhile need a share of the processor."""
KEYED, PLAIN = 1, 2
"""The products that are added with an idempotency key, and without."""
DOCUMENT = payload_document("basketItemsAdd", "basket { version }")


@dataclass(frozen=True)
class Failure:
    """A request that was not acknowledged: when it was sent, when that was known, and what came instead."""

    sent: float
    ended: float
    what: str


@dataclass
class Load:
    """What was acknowledged by product, what was left open, and every failure."""

    url: str
    acknowledged: dict[int, int] = field(default_factory=lambda: {KEYED: 0, PLAIN: 0})
    open: int = 0
    failures: list[Failure] = field(default_factory=list)
    is_over: bool = False

    async def run(self, client: httpx.AsyncClient, token: str, product: int) -> None:
        """Adds one piece after the other until the load is over."""
        while not self.is_over:
            if product == KEYED:
                await self._until_acknowledged(client, token)
            elif await self._is_acknowledged(client, token, PLAIN, None):
                self.acknowledged[PLAIN] += 1
            else:
                self.open += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _until_acknowledged(self, client: httpx.AsyncClient, token: str) -> None:
        """Repeats an addition with its key until it is acknowledged; each counts once however often it was sent."""
        key, limit = uuid4().hex, time.monotonic() + TIMEOUT_SECONDS
        while not await self._is_acknowledged(client, token, KEYED, key):
            assert time.monotonic() < limit, self.failures[-1]
            await asyncio.sleep(0.02)
        self.acknowledged[KEYED] += 1

    async def _is_acknowledged(
        self, client: httpx.AsyncClient, token: str, product: int, key: str | None
    ) -> bool:
        items = [
            {"productRemoteId": product, "divisionErpCode": BUYERS[token], "quantity": 1}
        ]
        given: dict[str, Any] = {"items": items} | ({"idempotencyKey": key} if key else {})
        sent = time.monotonic()
        what = await self._answer(client, token, given)
        ended = time.monotonic()
        if what:
            self.failures.append(Failure(sent, ended, what))
        return not what

    async def _answer(
        self, client: httpx.AsyncClient, token: str, given: dict[str, Any]
    ) -> str:
        """Sends an addition; returns what was wrong with the answer, nothing when it was acknowledged."""
        body = {"query": DOCUMENT, "variables": {"input": given}}
        try:
            response = await client.post(
                "/graphql", json=body, headers={"Authorization": f"Token {token}"}
            )
        except httpx.TransportError as error:
            return repr(error)
        try:
            payload = response.json()["data"]["basketItemsAdd"]
            return (
                ""
                if payload["basket"] and not payload["userErrors"]
                else str(payload["userErrors"])
            )
        except (ValueError, KeyError, TypeError):
            return f"{response.status_code} {response.text[:300]}"

    @property
    def total(self) -> int:
        """How many additions were acknowledged."""
        return sum(self.acknowledged.values())

    async def flows(self, count: int = 30) -> None:
        """Waits until so many more additions were acknowledged."""
        wanted, limit = self.total + count, time.monotonic() + TIMEOUT_SECONDS
        while self.total < wanted:
            assert time.monotonic() < limit, self.failures[-3:]
            await asyncio.sleep(0.02)

    def failed_outside(self, begin: float, end: float) -> list[Failure]:
        """Returns the failures that cannot be laid to a fault which lasted from `begin` to `end`."""
        return [each for each in self.failures if each.ended < begin or each.sent > end]

    async def check_nothing_is_lost(self, database_url: str) -> None:
        """Raises AssertionError unless the baskets hold what was acknowledged, and of what was left open 0 or 1."""
        kept = await quantities(database_url)
        assert kept[KEYED] == self.acknowledged[KEYED]
        assert (
            self.acknowledged[PLAIN] <= kept[PLAIN] <= self.acknowledged[PLAIN] + self.open
        )


async def quantities(database_url: str) -> dict[int, int]:
    """Counts the pieces of each product in all baskets."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT p.remote_id, SUM(q.quantity) FROM basket_item i JOIN product p ON p.id = i.product_id "
            "JOIN basket_item_division q ON q.item_id = i.id GROUP BY p.remote_id"
        )
    finally:
        await connection.close()
    return {KEYED: 0, PLAIN: 0} | {int(row[0]): int(row[1]) for row in rows}


@asynccontextmanager
async def loaded(url: str, each: int = 2) -> AsyncIterator[Load]:
    """Keeps up a load of every buyer, `each` with and without keys, on a database without baskets, until the end."""
    load = Load(url)
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(
        base_url=url, timeout=TIMEOUT_SECONDS, limits=limits
    ) as client:
        async with asyncio.TaskGroup() as tasks:
            for token in BUYERS:
                for product in (KEYED, PLAIN) * each:
                    tasks.create_task(load.run(client, token, product))
            try:
                await load.flows()
                yield load
                await load.flows()
            finally:
                load.is_over = True
