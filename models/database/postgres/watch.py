"""The watch over the pool: finds silent connections, at no cost for the others.

It samples the pool a few times a second. A connection that nobody used for long is marked, and
checked before its next use. While a statement takes long, another connection is opened: when the
server does not answer there either, and nothing has moved meanwhile, it is silent, and every
connection is closed, so that nobody waits for it any longer.
"""

import asyncio
from typing import Any

from models.database.outage import DATABASE_FAILURES
from models.database.postgres.asyncpg_internals import connection_of, use_mark
from models.database.postgres.connector import Connector
from models.database.postgres.pool import BoundedPool

SAMPLE_SECONDS = 0.25
STALE_SAMPLES = 20
"""Samples after which an unused connection counts as idle for long: 5 seconds."""
SLOW_SAMPLES = 3
"""Samples after which a statement counts as slow."""
PROBE_EVERY = 6
"""Samples between two probes while a statement goes on being slow."""
PROBE_SECONDS = 1.25
"""Timeout of a probe."""

IDLE_PROCESSES = (
    "SELECT pid, state FROM pg_stat_activity WHERE pid = ANY($1::int[]) AND state LIKE 'idle%' "
    "AND state_change < clock_timestamp() - interval '500 milliseconds'"
)
"""The server processes that have had nothing to do for a while."""


class PoolWatch:
    """Samples one pool."""

    def __init__(self, pool: BoundedPool, connector: Connector) -> None:
        self.pool = pool
        self.connector = connector
        self._samples: dict[Any, tuple[tuple[Any, ...], int]] = {}
        self._slow_samples = 0

    async def step(self) -> None:
        """Samples the pool once, and probes the server when a statement is slow."""
        samples = {holder: use_mark(holder) for holder in self.pool.holders}
        self._samples = {
            holder: (mark, self._age(holder, mark))
            for holder, mark in samples.items()
            if mark
        }
        ages = self._samples.items()
        self.pool.stale.update(
            holder
            for holder, (_, age) in ages
            if holder.is_idle() and holder.is_connected() and age >= STALE_SAMPLES
        )
        self._slow_samples = self._slow_samples + 1 if self._slow_holders() else 0
        if self._slow_samples % PROBE_EVERY == 1:
            await self._probe()

    def _age(self, holder: Any, mark: tuple[Any, ...]) -> int:
        before, age = self._samples.get(holder, (None, 0))
        return age + 1 if before == mark else 0

    async def _probe(self) -> None:
        before = {holder: use_mark(holder) for holder in self.pool.holders}
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._ask_server(before)
        except OSError as error:
            if self._has_moved(before):
                return
            self.pool.replace(f"the server is silent ({error})", with_used=True)
        except DATABASE_FAILURES:
            # It says that it is full, for example, and so it is there.
            return

    async def _ask_server(self, before: dict[Any, tuple[Any, ...] | None]) -> None:
        """Closes the connections whose answer is lost: the server does nothing for them."""
        # Beside the pool, all of whose connections may be waiting for the silent server.
        connection = await self.connector(**self.pool.connect_options())
        try:
            slow = self._slow_holders()
            pids = [connection_of(holder).get_server_pid() for holder in slow]
            rows = await connection.fetch(IDLE_PROCESSES, pids)
        finally:
            connection.terminate()
        states = {row[0]: row[1] for row in rows}
        for holder in slow:
            if use_mark(holder) == before[holder] and _is_lost(
                connection_of(holder), states
            ):
                holder.terminate()
                self.pool.replace("the answer to a statement was lost")

    def _slow_holders(self) -> list[Any]:
        return [
            holder
            for holder, (_, age) in self._samples.items()
            if age >= SLOW_SAMPLES and not holder.is_idle() and holder.is_connected()
        ]

    def _has_moved(self, before: dict[Any, tuple[Any, ...] | None]) -> bool:
        """Returns whether a connection that was used before the probe has been answered since."""
        used = [holder for holder, mark in before.items() if mark and mark[0] is not None]
        return any(use_mark(holder) not in (None, before[holder]) for holder in used)


def _is_lost(connection: Any, states: dict[int, str]) -> bool:
    """Returns whether the server waits for us while we wait for it.

    A transaction may be open and idle on both sides, while its holder does something else.
    """
    state = states.get(connection.get_server_pid())
    return state is not None and not (connection.is_in_transaction() and state != "idle")
