"""The sweeper of exports: every server process has one, so that no job and no file is ever left behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from models.database import DATABASE_FAILURES
from models.export.job import ended_exports, expire_export, forget_old_exports, overdue_exports
from models.statement import now
from tasks.exports.sending import ExportSender
from tasks.exports.store import ExportStore

logger = logging.getLogger("basket")

SWEEP_SECONDS = 2.0
"""How often jobs that were left behind are looked for."""
CLEAN_EVERY = timedelta(minutes=10)
"""How often old rows, and files that belong to none, are looked for."""
LEFTOVER_GRACE = timedelta(hours=1)
"""How much longer than the files of exports a file is kept that belongs to none."""


class ExportSweeper:
    """Sends overdue jobs again, fails those out of attempts, and removes what is no longer kept."""

    def __init__(self, sender: ExportSender, folder: ExportStore, kept: timedelta) -> None:
        self._sender = sender
        self._folder = folder
        self._kept = kept
        self._clean_at = now()

    async def sweep(self) -> None:
        """Sweeps once; raises what the database or the storage raises."""
        self._sender.send(await overdue_exports())
        for export_id, file_name in await ended_exports():
            await asyncio.to_thread(self._folder.remove, file_name)
            await expire_export(export_id)
        if now() >= self._clean_at:
            self._clean_at = now() + CLEAN_EVERY
            await forget_old_exports()
            await asyncio.to_thread(self._folder.remove_older_than, self._kept + LEFTOVER_GRACE)

    async def run(self) -> None:
        """Sweeps again and again, whatever happens, until it is cancelled."""
        while True:
            try:
                await self.sweep()
            except (OSError, *DATABASE_FAILURES) as error:
                logger.warning("The exports could not be swept; trying again soon: %s", error)
            except Exception:
                logger.exception("The exports could not be swept; trying again soon.")
            await asyncio.sleep(SWEEP_SECONDS)


@asynccontextmanager
async def sweeping_exports(sweeper: ExportSweeper) -> AsyncIterator[None]:
    """Sweeps in the background."""
    task = asyncio.create_task(sweeper.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
