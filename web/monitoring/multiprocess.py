"""Metrics of several processes behind one address: prometheus_client's multi-process mode.

With PROMETHEUS_MULTIPROC_DIR, each process keeps its counters and histograms in files there, and
any of them answers a scrape for all. Gauges are those of the living processes.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.multiprocess import MultiProcessCollector

from models.background import background_loop
from models.database.connection import PoolUse, pool_use

GAUGE_SECONDS = 2.0
"""The highest age of another process's gauge, in seconds."""
POOL_GAUGES = {
    "open": ("basket_database_connections", "Open connections to PostgreSQL."),
    "in_use": ("basket_database_connections_in_use", "Connections at work."),
    "waiting": ("basket_database_connections_waiting", "Waiting for a connection."),
    "limit": ("basket_database_connections_limit", "The size of the pool."),
}
"""Name and meaning of each gauge, by the attribute of PoolUse that it shows."""


def read_pool_use() -> PoolUse | None:
    """Returns the use of the pool now; None on SQLite, and while no database is open."""
    try:
        return pool_use()
    except Exception:  # Tortoise raises several kinds between start and stop.
        return None


class SharedGauges:
    """The pool's gauges as files of a folder, for scrapes that other processes answer."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # Their files are named by the library's mode, and not by a registry.
        self._gauges = {
            attribute: Gauge(name, text, registry=None, multiprocess_mode="livesum")
            for attribute, (name, text) in POOL_GAUGES.items()
        }

    def write(self) -> None:
        """Writes the use of the pool now."""
        if use := read_pool_use():
            for attribute, gauge in self._gauges.items():
                gauge.set(getattr(use, attribute))

    async def _write(self) -> None:
        self.write()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keeps the gauges up to date, and deletes them at the end."""
        async with background_loop("metrics", self._write, GAUGE_SECONDS):
            yield
        self._delete_gauges(lambda process_id: process_id == os.getpid())

    def registry(self) -> CollectorRegistry:
        """Returns a registry that reads the files of all processes."""
        self.write()
        self._delete_gauges(lambda process_id: not _is_alive(process_id))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        return registry

    def _delete_gauges(self, is_ended: Callable[[int], bool]) -> None:
        """Deletes the gauges of processes that have ended; their counters remain."""
        for file in Path(self._folder).glob("gauge_live*_*.db"):
            if is_ended(int(file.stem.rpartition("_")[2])):
                # Another scrape may delete it at the same time.
                file.unlink(missing_ok=True)


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
