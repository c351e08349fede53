"""Deleting rows that no request needs any more, in the background."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from models.background import background_loop
from models.history.sweep import HistorySweeper
from models.idempotency import delete_expired_keys
from models.retention.sweep import RetentionSweeper
from settings.options import Options

PURGE_SECONDS = 600.0
"""Seconds between two purges of expired idempotency keys, and of the history of baskets."""
RETENTION_SECONDS = 3_600.0
"""Seconds between two looks for old drafts and quotations, which walk the whole table."""
DELAY_SECONDS = 10.0
"""Seconds from the start to the first purge: servers that start together answer requests first."""


@asynccontextmanager
async def purge_rows(options: Options) -> AsyncIterator[None]:
    """Deletes expired idempotency keys, old history, and old baskets in the background."""
    days = timedelta(days=options.history_days)
    history = HistorySweeper(options.history_changes, days)
    retention = RetentionSweeper(
        options.retention_draft_days, options.retention_submitted_days
    )
    loop = partial(background_loop, delay_seconds=DELAY_SECONDS)
    async with (
        loop("idempotency keys", delete_expired_keys, PURGE_SECONDS),
        loop("history", history.sweep, PURGE_SECONDS),
        # Without a limit: the first run may have years to delete, each batch for itself.
        loop("retention", retention.sweep, RETENTION_SECONDS, None),
    ):
        yield
