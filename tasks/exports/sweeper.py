"""The sweeper of exports: every server process has one, so that no job and no file is ever left behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from models.background import background_loop
from models.database.statement import now
from models.export.files import (
    completed_exports,
    delete_old_exports,
    expire_missing,
    release_files,
    take_ended_exports,
)
from models.export.job import overdue_exports
from tasks.exports.metrics import FILES_MISSING
from tasks.exports.sending import ExportSender
from tasks.exports.store import ExportStore

logger = logging.getLogger("basket")

SWEEP_SECONDS = 2.0
"""How often jobs that were left behind are looked for."""
CLEAN_EVERY = timedelta(minutes=10)
"""How often the rows of old exports are deleted."""
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before any export."""


class ExportSweeper:
    """Sends overdue jobs again, fails those out of attempts, deletes expired files and finds lost ones."""

    def __init__(self, sender: ExportSender, store: ExportStore) -> None:
        self._sender = sender
        self._store = store
        self._clean_at = now()
        self._checked = (FIRST, 0)

    async def sweep(self) -> None:
        """Sweeps once; raises what the database or the storage raises."""
        self._sender.send(await overdue_exports())
        await self._delete_ended()
        if now() >= self._clean_at:
            self._clean_at = now() + CLEAN_EVERY
            await delete_old_exports()
        await self._check_completed()

    async def _delete_ended(self) -> None:
        """Deletes files by the names in their rows; one that cannot be deleted does not hold the others up."""
        for export in await take_ended_exports():
            try:
                for name in export.file_names:
                    await asyncio.to_thread(self._store.remove, name)
            except OSError as error:
                logger.warning(
                    "The files of export %d cannot be deleted now: %s", export.id, error
                )
            else:
                await release_files(export.id)

    async def _check_completed(self) -> None:
        """Checks once for each completed export that its file is in the store of this process."""
        for export in await completed_exports(*self._checked):
            if await asyncio.to_thread(self._store.size, export.file_name) is None:
                await report_missing(export.id, export.file_name, self._store)
            self._checked = (export.finished_at, export.id)


async def report_missing(export_id: int, file_name: str, store: ExportStore) -> None:
    """Expires a completed export whose file is not in the store, and says so in the log and in the metrics."""
    if await expire_missing(export_id):
        FILES_MISSING.inc()
        logger.error(
            "Export %d is completed, but its file %s is not in %s. EXPORT_URL must be the same store for all servers "
            "and workers; after a restore without the files this is expected. The export has expired.",
            export_id,
            file_name,
            store.url,
        )


@asynccontextmanager
async def sweeping_exports(sweeper: ExportSweeper) -> AsyncIterator[None]:
    """Sweeps in the background."""
    async with background_loop("exports", sweeper.sweep, SWEEP_SECONDS):
        yield
