"""The server processes of PostgreSQL that serve the benchmark's database, on this machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg

from bench.wrk import LOAD_CORE

_BACKENDS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def processor_seconds(pid: int) -> float:
    """Returns the user and system time of a process; raises OSError when it has ended.

    Unlike requests per second, other processes of the machine hardly change it.
    """
    # proc(5): the name of a process may hold spaces and brackets, so fields are counted after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def backend_seconds(connection: asyncpg.Connection) -> dict[int, float]:
    """Returns the processor time in seconds of each backend; none where PostgreSQL is elsewhere."""
    pids = [pid for (pid,) in await connection.fetch(_BACKENDS)]
    return dict(_seconds_of_local(pids))


def _seconds_of_local(pids: list[int]) -> Iterator[tuple[int, float]]:
    for pid in pids:
        with suppress(OSError):
            # A remote PostgreSQL has the process ids of another machine.
            if Path(f"/proc/{pid}/comm").read_text().startswith("postgres"):
                yield pid, processor_seconds(pid)


def seconds_between(before: dict[int, float], after: dict[int, float]) -> float | None:
    """Returns the processor time between two readings; None when there is no backend here."""
    if not after:
        return None
    # A backend that started during the load has no earlier reading.
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


async def pin_backends(connection: asyncpg.Connection) -> int:
    """Pins the backends to the core of the load; returns their number."""
    pinned = 0
    for (pid,) in await connection.fetch(_BACKENDS):
        with suppress(OSError):
            # Processes of another user cannot be pinned, which is no failure of the measurement.
            os.sched_setaffinity(pid, {LOAD_CORE})
            pinned += 1
    return pinned
