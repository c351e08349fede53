"""The metrics, in the text format of Prometheus, of this process or of all (`process_metrics`).

The words of every label come from the schema, the routes and the code, never from a client: how many series there are
is bounded by construction.
"""

import asyncio
import hmac
import logging
from collections.abc import Iterable
from functools import cache
from time import monotonic

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

import settings
from models.database.connection import DATABASE_FAILURES
from models.export.job import count_exports
from tasks.exports.metrics import DEAD_LETTERS
from web.http.json_response import error_response
from web.monitoring.process_metrics import POOL_GAUGES, current_pool_use, scraped_registry

logger = logging.getLogger("basket")

JOBS_KEPT_SECONDS = 5.0
"""How old the numbers of jobs may be: however often it is scraped, the database is asked no more often."""
JOBS_PATIENCE_SECONDS = 1.0
"""How long a scrape waits for them; then the last ones are answered."""

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_DURATIONS = Histogram(
    "basket_request_seconds",
    "How long requests took, by operation (its kind and root field), or by route.",
    ["operation"],
    buckets=LATENCIES,
)
_OUTCOMES = Counter(
    "basket_requests",
    "Requests, by operation, or route, and outcome.",
    ["operation", "outcome"],
)

# Finding a metric's child by its labels takes longer than counting does.
_duration_of = cache(_DURATIONS.labels)
_outcome_of = cache(_OUTCOMES.labels)


def observe(operation: str, outcome: str, seconds: float) -> None:
    """Counts a request. The operation and the outcome must be words of ours."""
    _duration_of(operation).observe(seconds)
    _outcome_of(operation, outcome).inc()


class PoolCollector(Collector):
    """Reads how the pool of the database is used at the moment of the scrape."""

    def collect(self) -> Iterable[Metric]:
        """Yields the gauges; none on SQLite, which has no pool."""
        use = current_pool_use()
        if use is not None:
            for attribute, (name, text) in POOL_GAUGES.items():
                yield GaugeMetricFamily(name, text, getattr(use, attribute))


class JobCollector(Collector):
    """The jobs by state, as the database held them when it was last asked."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._read_at = float("-inf")
        self._is_read = False
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Reads the numbers again when they are old; never waits long, and never asks twice at a time."""
        if monotonic() - self._read_at < JOBS_KEPT_SECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait([self._reading], timeout=JOBS_PATIENCE_SECONDS)

    async def _read(self) -> None:
        try:
            self._counts = await count_exports()
            self._is_read = True
        except (OSError, *DATABASE_FAILURES):
            logger.warning("The jobs could not be counted for the metrics.")
            self._is_read = False
        self._read_at = monotonic()

    def collect(self) -> Iterable[Metric]:
        """Yields the number of jobs in each state, and whether it could be read."""
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


_jobs = JobCollector()
if not settings.PROMETHEUS_MULTIPROC_DIR:
    REGISTRY.register(PoolCollector())
REGISTRY.register(_jobs)


async def metrics(request: Request) -> Response:
    """Answers a scrape; where METRICS_TOKEN is set, to those who send it. Production answers no one without one."""
    token = str(settings.METRICS_TOKEN)
    if not token and not settings.EMBEDDED:
        return error_response(
            404, "NOT_FOUND", "There are no metrics here: METRICS_TOKEN is not set."
        )
    if token and not _has(request, token):
        response = error_response(
            401, "UNAUTHENTICATED", "Send the header `Authorization: Bearer METRICS_TOKEN`."
        )
        response.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return response
    await _jobs.refresh()
    await DEAD_LETTERS.refresh()
    registry = scraped_registry(_jobs, DEAD_LETTERS)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _has(request: Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        sent.strip().encode(), token.encode()
    )
