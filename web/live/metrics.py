"""Metrics of live connections, by transport."""

from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram


class Transport(StrEnum):
    """The protocols that carry events."""

    WEBSOCKET = "websocket"
    SSE = "sse"
    MULTIPART = "multipart"


LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LABELS = ["transport"]

CONNECTIONS = Gauge(
    "basket_live_connections",
    "Open live connections, by transport.",
    LABELS,
    multiprocess_mode="livesum",
)
OPERATIONS = Counter(
    "basket_live_operations",
    "Operations that live connections began, by transport.",
    LABELS,
)
EVENTS = Counter("basket_live_events", "Results sent, by transport.", LABELS)
SLOW_READERS = Counter(
    "basket_live_slow_readers",
    "Connections closed because their client took nothing for LIVE_SEND_SECONDS, by transport.",
    LABELS,
)
LAG_SECONDS = Histogram(
    "basket_live_lag_seconds",
    "Seconds from the notice of a change to its event, by transport.",
    LABELS,
    buckets=LAGS,
)

# All series exist from the start, so that a rate of them is 0 and not unknown.
for _transport in Transport:
    for _metric in (CONNECTIONS, OPERATIONS, EVENTS, SLOW_READERS, LAG_SECONDS):
        _metric.labels(_transport)
