"""One watcher of the soak: it is told of every change of a buyer's basket, and never of an older one."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.soak.buyer import Record
from tests.support.waiting import eventually

WATCH = "subscription { activeBasket { id version } }"
READ = "{ activeBasket { id version } }"


class Watcher:
    """Watches the active basket of a buyer over server-sent events, and comes back when it is cut off."""

    def __init__(self, session: aiohttp.ClientSession, token: str, record: Record) -> None:
        self._session = session
        self._headers = {"Authorization": f"Token {token}"}
        self._record = record
        self._told: dict[str, Any] | None = None
        self._versions: dict[str, int] = {}

    async def run(self) -> None:
        """Watches until it is cancelled."""
        while True:
            try:
                await self._watch()
            except aiohttp.ClientError as error:
                self._record.wrong.append(f"watch: {error!r}")
            await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        headers = self._headers | {"Accept": "text/event-stream"}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        request = self._session.post(
            "/graphql", json={"query": WATCH}, headers=headers, timeout=timeout
        )
        async with request as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: {"):
                    content = json.loads(line.removeprefix(b"data: "))
                    self._take(content["data"]["activeBasket"])

    def _take(self, basket: dict[str, Any] | None) -> None:
        self._told = basket
        self._record.events += 1
        if basket is None:
            return
        last = self._versions.get(basket["id"], 0)
        self._versions[basket["id"]] = basket["version"]
        # A connection that comes back begins with the present state, which may be known.
        if basket["version"] < last:
            self._record.wrong.append(f"watch: {basket} after version {last}")

    async def catch_up(self) -> None:
        """Waits until it has been told the state that a query reads; fails at the timeout."""
        async with self._session.post(
            "/graphql", json={"query": READ}, headers=self._headers
        ) as response:
            state = (await response.json())["data"]["activeBasket"]
        await eventually(lambda: self._told == state, f"The event of {state}")
