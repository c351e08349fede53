"""The marker file of an export folder: without it the folder may be an empty mount point.

A missing mount looks like lost files: the folder is there, and empty. So the first process that
uses a folder writes a file named for this installation. Where the file is missing although exports
were completed, nothing is written, expired or deleted until it is back.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from models.database.installation import InstallationUnknown, read_installation
from models.export.files import CompletedExport, read_completed_exports
from tasks.exports.store import ExportStore, StoreFailed

logger = logging.getLogger("basket")

PREFIX = "basket-exports-"
NOTE = (
    b"A basket server keeps its exports in this folder, and recognises it by this file.\n"
)
NOT_MOUNTED = "not the folder it was: not mounted?"
"""The word of the health checks for a folder without its marker."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def read_marker_name() -> str:
    """Returns the name of this installation's marker."""
    try:
        return f"{PREFIX}{await read_installation()}"
    except InstallationUnknown:
        return f"{PREFIX}unnamed"


async def is_mounted(store: ExportStore) -> bool:
    """Tells whether a store is the one that the exports are in; writes a missing marker if so.

    A folder without a marker is the right one when no export is completed, or when it has the file
    of one. An object store needs no marker: a missing bucket is an error, not an empty bucket.
    Raises OSError, and the errors of the database.
    """
    if not store.is_guarded:
        return True
    marker = await read_marker_name()
    try:
        if await asyncio.to_thread(store.size, marker) is not None:
            return True
    except StoreFailed:
        # The folder itself is gone.
        return False
    # Also those just completed: without them a folder would be marked that has lost its mount.
    exports = await read_completed_exports(BEGINNING, 0, minimum_age=timedelta(0))
    if exports and not await asyncio.to_thread(_has_any, store, exports):
        return False
    await asyncio.to_thread(store.write, marker, _write_note)
    return True


def _has_any(store: ExportStore, exports: Sequence[CompletedExport]) -> bool:
    return any(store.size(export.file_name) is not None for export in exports)


def _write_note(file: BinaryIO) -> None:
    file.write(NOTE)


async def log_missing_marker(store: ExportStore) -> None:
    """Logs that the folder lacks its marker, and the two ways to mend it."""
    logger.error(
        "EXPORT_URL: %s is not the folder it was: not mounted? It has neither its file %s nor the "
        "completed exports. Until it is mounted no export is written, expired or deleted. If the "
        "files are lost, create an empty file of this name there.",
        store.url,
        await read_marker_name(),
    )
