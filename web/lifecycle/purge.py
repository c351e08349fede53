"""Deleting rows that no request needs any more, in the background."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from models.background import background_loop
from models.history.sweep import HistorySweeper
from models.idempotency import delete_expired_keys
from settings.options import Options

PURGE_SECONDS = 600.0
"""Seconds between two purges of expired idempotency keys, and of the history of baskets."""


@asynccontextmanager
async def purge_rows(options: Options) -> AsyncIterator[None]:
    """Deletes expired idempotency keys and old history in the background."""
    days = timedelta(days=options.history_days)
    history = HistorySweeper(options.history_changes, days)
    keys = background_loop("idempotency keys", delete_expired_keys, PURGE_SECONDS)
    async with keys, background_loop("history", history.sweep, PURGE_SECONDS):
        yield
