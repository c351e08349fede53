"""Loading the tracing, whose libraries are an extra."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from web.monitoring.tracing import Tracing

logger = logging.getLogger("basket")


def load_tracing() -> "Tracing | None":
    """Returns the tracing; None, with a warning, where the extra is not installed."""
    try:
        tracing: Tracing = import_module("web.monitoring.tracing").Tracing()
    except ModuleNotFoundError:
        logger.warning(
            "A collector is configured, and the extra `opentelemetry` is not installed: no traces."
        )
        return None
    return tracing
