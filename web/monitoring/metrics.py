"""Metrics in the text format of Prometheus, of this process or of all behind one address.

The values of every label come from the schema, the routes and the code, never from a client, so
the number of series is bounded.
"""

import asyncio
import hmac
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from time import monotonic
from typing import NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from models.database.connection import DATABASE_FAILURES
from models.export.job import count_exports
from tasks.exports.metrics import DeadLetters
from web.http.json_response import error_response
from web.monitoring.multiprocess import POOL_GAUGES, SharedGauges, read_pool_use

logger = logging.getLogger("basket")

JOBS_CACHED_SECONDS = 5.0
"""Seconds for which the counts of jobs are cached, however often metrics are scraped."""
JOBS_TIMEOUT_SECONDS = 1.0
"""Seconds that a scrape waits for the counts of jobs before it shows the last ones."""

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_DURATIONS = Histogram(
    "basket_request_seconds",
    "Seconds per request, by operation (its kind and root field), or by route.",
    ["operation"],
    buckets=LATENCIES,
)
_OUTCOMES = Counter(
    "basket_requests",
    "Requests, by operation, or route, and outcome.",
    ["operation", "outcome"],
)


class _Counted(NamedTuple):
    """The functions that add to the values of one operation and outcome.

    The library's own methods look for labels and exemplars each time, and try bucket by bucket.
    """

    add_request: Callable[[float], None]
    add_seconds: Callable[[float], None]
    add_to_bucket: Sequence[Callable[[float], None]]


@cache
def _find_counted(operation: str, outcome: str) -> _Counted:
    durations = _DURATIONS.labels(operation)
    return _Counted(
        _OUTCOMES.labels(operation, outcome)._value.inc,
        durations._sum.inc,
        [bucket.inc for bucket in durations._buckets],
    )


def count_request(operation: str, outcome: str, seconds: float | None) -> None:
    """Counts a request; a client must have chosen neither the operation nor the outcome.

    `seconds` is None for one without a duration of its own.
    """
    counted = _find_counted(operation, outcome)
    counted.add_request(1)
    if seconds is not None:
        counted.add_seconds(seconds)
        counted.add_to_bucket[bisect_left(LATENCIES, seconds)](1)


class PoolCollector(Collector):
    """Reads the use of the database's pool at the time of the scrape."""

    def collect(self) -> Iterable[Metric]:
        """Yields the gauges; none on SQLite, which has no pool."""
        use = read_pool_use()
        if use is not None:
            for attribute, (name, text) in POOL_GAUGES.items():
                yield GaugeMetricFamily(name, text, getattr(use, attribute))


class JobCollector(Collector):
    """The number of jobs per state, as the database held them when it was last asked."""

    def __init__(
        self,
        count: Callable[[], Awaitable[dict[str, int]]] = count_exports,
        timeout: float = JOBS_TIMEOUT_SECONDS,
    ) -> None:
        self._count = count
        self._timeout = timeout
        self._counts: dict[str, int] = {}
        self._read_at = float("-inf")
        self._is_read = False
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Reads the counts again when they are old; never waits long, nor reads twice at a time."""
        if monotonic() - self._read_at < JOBS_CACHED_SECONDS:
            return
        # A read beyond the timeout goes on; later scrapes wait for it instead of starting another.
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait([self._reading], timeout=self._timeout)

    async def _read(self) -> None:
        try:
            self._counts = await self._count()
            self._is_read = True
        except (OSError, *DATABASE_FAILURES):
            logger.warning("The jobs could not be counted for the metrics.")
            self._is_read = False
        # Set after a failure as well, so that not every scrape waits for a silent database.
        self._read_at = monotonic()

    def close(self) -> None:
        """Stops reading."""
        if self._reading is not None:
            self._reading.cancel()

    def collect(self) -> Iterable[Metric]:
        """Yields the number of jobs per state, and whether it could be read."""
        jobs = GaugeMetricFamily(
            "basket_exports", "Exports in the database, by state.", labels=["state"]
        )
        for state, count in self._counts.items():
            jobs.add_metric([state], count)
        yield jobs
        is_read = float(self._is_read)
        yield GaugeMetricFamily(
            "basket_exports_read", "1 when basket_exports could be read.", is_read
        )


class Metrics:
    """The endpoint of the metrics of one application."""

    def __init__(
        self,
        *,
        token: str,
        is_embedded: bool,
        folder: str,
        dead_letters: DeadLetters,
        jobs: JobCollector | None = None,
    ) -> None:
        self._token = token
        self._is_embedded = is_embedded
        self._dead_letters = dead_letters
        self._jobs = jobs or JobCollector()
        self._shared = SharedGauges(folder) if folder else None
        # What the process counts in the library's registry is shared by all its applications.
        self._registry = CollectorRegistry()
        for collector in (self._jobs, dead_letters):
            self._registry.register(collector)
        if not folder:
            self._registry.register(PoolCollector())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Shares the gauges of this process for scrapes that other processes answer."""
        try:
            if self._shared is None:
                yield
            else:
                async with self._shared.open():
                    yield
        finally:
            self._jobs.close()

    async def respond(self, request: Request) -> Response:
        """Answers a scrape; with METRICS_TOKEN only to its bearer, in production never without."""
        if not self._token and not self._is_embedded:
            message = "There are no metrics here: METRICS_TOKEN is not set."
            return error_response(404, "NOT_FOUND", message)
        if self._token and not _has_token(request, self._token):
            message = "Send the header `Authorization: Bearer METRICS_TOKEN`."
            response = error_response(401, "UNAUTHENTICATED", message)
            response.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
            return response
        await self._jobs.refresh()
        await self._dead_letters.refresh()
        counted = self._shared.registry() if self._shared else REGISTRY
        content = generate_latest(counted) + generate_latest(self._registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)


def _has_token(request: Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    # Compared in constant time, so that the time reveals nothing of the token.
    is_equal = hmac.compare_digest(sent.strip().encode(), token.encode())
    return scheme.lower() == "bearer" and is_equal
