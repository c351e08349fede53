"""The sweeper of exports: every server has one, so that no job and no file is left behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from models.background import background_loop
from models.export.files import (
    delete_old_exports,
    expire_missing,
    read_completed_exports,
    release_files,
    take_ended_exports,
)
from models.export.job import take_overdue_exports
from models.timestamps import now
from tasks.exports.marker import BEGINNING, is_mounted, log_missing_marker
from tasks.exports.metrics import FILES_MISSING
from tasks.exports.sending import ExportSender
from tasks.exports.store import ExportStore

logger = logging.getLogger("basket")

SWEEP_SECONDS = 2.0
"""Seconds between two looks for jobs that were left behind."""
CLEAN_EVERY = timedelta(minutes=10)
"""Time between two deletions of the rows of old exports."""


class ExportSweeper:
    """Resends overdue jobs, fails those out of attempts, deletes expired files, finds lost ones."""

    def __init__(self, sender: ExportSender, store: ExportStore) -> None:
        self._sender = sender
        self._store = store
        self._clean_at = now()
        self._checked = (BEGINNING, 0)
        self._is_mounted = True

    async def sweep(self) -> None:
        """Sweeps once; raises the errors of the database and of the storage."""
        # Messages go first: an error of the store ends this sweep.
        self._sender.send(await take_overdue_exports())
        if now() >= self._clean_at:
            self._clean_at = now() + CLEAN_EVERY
            await delete_old_exports()
        if await self._check_mount():
            await self._delete_ended()
            await self._check_completed()

    async def _check_mount(self) -> bool:
        was_mounted, self._is_mounted = self._is_mounted, await is_mounted(self._store)
        # Logged once per outage, not once per sweep.
        if was_mounted and not self._is_mounted:
            await log_missing_marker(self._store)
        return self._is_mounted

    async def _delete_ended(self) -> None:
        """Deletes files by the names in their rows; a failure does not delay other exports."""
        for export in await take_ended_exports():
            try:
                for name in export.file_names:
                    await asyncio.to_thread(self._store.remove, name)
            except OSError as error:
                logger.warning(
                    "The files of export %d cannot be deleted now: %s", export.id, error
                )
            else:
                # Unmounted meanwhile, the folder had none of the files.
                if await self._check_mount():
                    await release_files(export.id)

    async def _check_completed(self) -> None:
        """Checks once per completed export that its file is in the store of this process."""
        for export in await read_completed_exports(*self._checked):
            if await asyncio.to_thread(self._store.size, export.file_name) is None:
                await report_missing(export.id, export.file_name, self._store)
            # Noted per export, so that after an error of the store only the rest is checked again.
            self._checked = (export.finished_at, export.id)


async def report_missing(export_id: int, file_name: str, store: ExportStore) -> bool:
    """Expires a completed export whose file is not in the store; logs and counts it.

    Returns False, and does nothing, while the file may be on a mount that is missing.
    """
    if not await is_mounted(store):
        return False
    if await expire_missing(export_id):
        FILES_MISSING.inc()
        logger.error(
            "Export %d is completed, but its file %s is not in %s. EXPORT_URL must be the same "
            "store for all servers and workers; after a restore without the files this is "
            "expected. The export has expired.",
            export_id,
            file_name,
            store.url,
        )
    return True


@asynccontextmanager
async def sweep_exports(sweeper: ExportSweeper) -> AsyncIterator[None]:
    """Sweeps in the background; the first sweep waits as long as each later one."""
    loop = background_loop(
        "exports", sweeper.sweep, SWEEP_SECONDS, delay_seconds=SWEEP_SECONDS
    )
    async with loop:
        yield
