"""The metrics of exports, counted by servers and by workers."""

import asyncio
import logging
from collections.abc import Iterable
from time import monotonic

from dramatiq import Broker
from dramatiq.brokers.redis import RedisBroker
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from tasks.dramatiq_internals import count_dead_letters

logger = logging.getLogger("basket")

FILES_MISSING = Counter(
    "basket_export_files_missing",
    "Completed exports whose file was not in the export store of this process.",
)
ATTEMPTS = Counter(
    "basket_export_attempts",
    "Attempts at writing an export, by outcome: completed, failed, impossible, returned or lost.",
    ["outcome"],
)
SECONDS = Histogram(
    "basket_export_seconds",
    "Seconds per attempt that completed its export.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)
IN_PROGRESS = Gauge(
    "basket_export_attempts_in_progress",
    "Attempts under way in this process.",
    multiprocess_mode="livesum",
)
READ_EVERY_SECONDS = 5.0
"""Seconds for which the number of dead letters is cached."""
READ_TIMEOUT_SECONDS = 1.0
"""Timeout of counting the dead letters, in seconds."""


class DeadLetters(Collector):
    """The messages that Dramatiq has put aside because their actor raised an error."""

    def __init__(self) -> None:
        self._broker: RedisBroker | None = None
        self._count: int | None = None
        self._read_at = float("-inf")

    def watch(self, broker: Broker) -> None:
        """Counts the dead letters of a broker from now on; a broker in memory has none."""
        self._broker = broker if isinstance(broker, RedisBroker) else None
        self._count, self._read_at = None, float("-inf")

    async def refresh(self) -> None:
        """Refreshes the number when it is old."""
        if self._broker is None or monotonic() - self._read_at < READ_EVERY_SECONDS:
            return
        # Set before the attempt, so that a silent Redis delays one scrape and not each.
        self._read_at = monotonic()
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                self._count = await asyncio.to_thread(count_dead_letters, self._broker)
        except (OSError, RedisError) as error:
            logger.warning(
                "The dead letters could not be counted for the metrics: %s", error
            )
            self._count = None

    def collect(self) -> Iterable[Metric]:
        """Yields the number of dead letters, if it is known."""
        if self._count is not None:
            text = "Messages put aside: their attempt could not begin; their jobs are sent again."
            yield GaugeMetricFamily("basket_dead_letters", text, self._count)
