"""The files of ended exports: which are to be deleted, and which ought to be in the store."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.database.position import ListPosition, is_after
from models.database.statements import Row, load_statements
from models.export.export import BasketExport, ExportFormat, ExportStatus, stored_name
from models.timestamps import now

RETRY_DELETION_AFTER = timedelta(minutes=10)
"""How soon files are deleted again that could not be, or whose deletion was interrupted."""
RECORD_KEPT = timedelta(days=7)
"""How long the row of a failed or expired export is kept."""
CHECKED_AFTER = timedelta(seconds=5)
"""How old a completed export is before its file counts as missing."""
BATCH = 200
"""How many rows one sweep looks at."""


class EndedExport(NamedTuple):
    """An export whose files are no longer needed; each attempt that began may have left one."""

    id: int
    file_names: Sequence[str]


class CompletedExport(NamedTuple):
    """A completed export, and the position of its row among all of them."""

    id: int
    file_name: str
    finished_at: datetime


_TAKE_ENDED = load_statements(__file__, batch=BATCH)["take_ended"]


async def take_ended_exports() -> list[EndedExport]:
    """Returns exports whose files are to be deleted; no other process gets them for a while."""
    taken_at = now()
    rows = await _TAKE_ENDED.rows(
        taken_at=taken_at, retry_at=taken_at + RETRY_DELETION_AFTER
    )
    return [EndedExport(int(row["id"]), _file_names(row)) for row in rows]


def _file_names(row: Row) -> Sequence[str]:
    attempts = range(1, int(row["begun"]) + 1)
    return [stored_name(row["cache_key"], attempt, row["format"]) for attempt in attempts]


async def release_files(export_id: int) -> None:
    """Notes that no file of an export is left; a completed one has expired."""
    export = BasketExport.filter(id=export_id)
    completed = export.filter(status=ExportStatus.COMPLETED)
    if not await completed.update(status=ExportStatus.EXPIRED, files_until=None):
        await export.update(files_until=None)


async def read_completed_exports(
    after: datetime, after_id: int, minimum_age: timedelta = CHECKED_AFTER
) -> list[CompletedExport]:
    """Returns exports that can be downloaded, by time of completion, after a position."""
    present = now()
    exports = BasketExport.filter(
        is_after("finished_at", ListPosition(after, after_id)),
        status=ExportStatus.COMPLETED,
        # Those of another release are for its servers.
        format__in=list(ExportFormat),
        expires_at__gt=present,
        finished_at__lt=present - minimum_age,
    )
    columns = ("id", "cache_key", "begun", "format", "finished_at")
    rows = await exports.order_by("finished_at", "id").limit(BATCH).values_list(*columns)
    return [
        CompletedExport(id, stored_name(cache_key, begun, format), finished_at)
        for id, cache_key, begun, format, finished_at in rows
    ]


async def expire_missing(export_id: int) -> bool:
    """Expires an export whose file is missing; false for one just completed, or expired."""
    export = BasketExport.filter(
        id=export_id,
        status=ExportStatus.COMPLETED,
        finished_at__lt=now() - CHECKED_AFTER,
    )
    return bool(await export.update(status=ExportStatus.EXPIRED))


async def delete_old_exports() -> None:
    """Deletes the rows of exports that failed or expired long ago and have no files."""
    old = BasketExport.filter(
        status__in=(ExportStatus.FAILED, ExportStatus.EXPIRED),
        finished_at__lt=now() - RECORD_KEPT,
        files_until__isnull=True,
    )
    await old.delete()
