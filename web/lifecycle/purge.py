"""Deleting rows that no request needs any more, in the background."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from models.background import background_loop
from models.history.sweep import HistorySweeper
from models.idempotency import delete_expired_keys
from models.retention.sweep import RetentionSweeper
from settings.options import Options

PURGE_SECONDS = 600.0
"""Seconds between two purges of expired keys, old history, and drafts and quotations."""


@asynccontextmanager
async def purge_rows(options: Options) -> AsyncIterator[None]:
    """Deletes expired idempotency keys, old history, and old baskets in the background."""
    days = timedelta(days=options.history_days)
    history = HistorySweeper(options.history_changes, days)
    retention = RetentionSweeper(
        options.retention_draft_days, options.retention_submitted_days
    )
    steps = {
        "idempotency keys": delete_expired_keys,
        "history": history.sweep,
        "retention": retention.sweep,
    }
    async with AsyncExitStack() as loops:
        for name, step in steps.items():
            await loops.enter_async_context(background_loop(name, step, PURGE_SECONDS))
        yield
