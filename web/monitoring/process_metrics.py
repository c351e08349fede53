"""Metrics of several processes behind one address: prometheus_client's multi-process mode.

With PROMETHEUS_MULTIPROC_DIR, each process keeps its counters and histograms in files there, and
whichever of them is scraped answers for all. Gauges are of the processes that live.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Gauge
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

import settings
from models.background import background_loop
from models.database.connection import PoolUse, pool_use

FOLDER = settings.PROMETHEUS_MULTIPROC_DIR
GAUGE_SECONDS = 2.0
"""How old a gauge of another process may be."""
POOL_GAUGES = {
    "open": ("basket_database_connections", "Open connections to PostgreSQL."),
    "in_use": ("basket_database_connections_in_use", "Connections at work."),
    "waiting": ("basket_database_connections_waiting", "Waiting for a connection."),
    "limit": ("basket_database_connections_limit", "The size of the pool."),
}
"""Name and meaning of each gauge, by the attribute of PoolUse that it shows."""


def current_pool_use() -> PoolUse | None:
    """Returns how the pool is used now; None on SQLite, and while no database is open."""
    try:
        return pool_use()
    except Exception:  # Tortoise raises several kinds between start and stop.
        return None


class SharedGauges:
    """The pool's gauges as files, for scrapes that other processes answer."""

    def __init__(self) -> None:
        self._gauges = {
            attribute: Gauge(name, text, multiprocess_mode="livesum")
            for attribute, (name, text) in POOL_GAUGES.items()
        }

    def write(self) -> None:
        """Writes down how the pool is used now."""
        if use := current_pool_use():
            for attribute, gauge in self._gauges.items():
                gauge.set(getattr(use, attribute))

    async def write_again(self) -> None:
        """Writes it down, as a step of a background loop."""
        self.write()


shared_gauges = SharedGauges() if FOLDER else None


@asynccontextmanager
async def sharing_metrics() -> AsyncIterator[None]:
    """Keeps this process's gauges true for scrapes that other processes answer."""
    if shared_gauges is None:
        yield
        return
    async with background_loop("metrics", shared_gauges.write_again, GAUGE_SECONDS):
        yield
    forget_process(os.getpid())


def scraped_registry(*everywhere_equal: Collector) -> CollectorRegistry:
    """Returns the registry of this process or, with several, one that reads the files of all.

    `everywhere_equal` are collectors that say the same in every process.
    """
    if shared_gauges is None:
        return REGISTRY
    shared_gauges.write()
    forget_dead_processes()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, FOLDER)  # type: ignore[no-untyped-call]
    for collector in everywhere_equal:
        registry.register(collector)
    return registry


def forget_process(process_id: int) -> None:
    """Deletes the gauges of a process; what it has counted stays."""
    mark_process_dead(process_id, FOLDER)  # type: ignore[no-untyped-call]


def forget_dead_processes() -> None:
    """Deletes the gauges of processes that ended without doing it themselves."""
    for file in Path(FOLDER).glob("gauge_live*_*.db"):
        process_id = int(file.stem.rpartition("_")[2])
        if not _lives(process_id):
            forget_process(process_id)


def _lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
