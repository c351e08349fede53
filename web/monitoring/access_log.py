"""The access log: a line per request, and per operation of a WebSocket."""

import logging
from time import perf_counter

from request_record import RequestRecord

access = logging.getLogger("basket.access")


def log_access(record: RequestRecord, method: str, route: str, outcome: str) -> None:
    """Writes the line of a request that has ended, where the log has such lines."""
    if not record.is_logged:
        return
    seconds = perf_counter() - record.began
    fields = {
        "method": method,
        "route": route,
        "operation": record.operation,
        "outcome": outcome,
        "status": record.status,
        "milliseconds": round(seconds * 1_000, 2),
    }
    access.info("answered", extra={"fields": fields})
