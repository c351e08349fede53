"""The files of exports that have ended: which are to be deleted, and which ought to be in the store."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.database.statement import Row, Statement, moment, now
from models.export.export import stored_name

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


_TAKE_ENDED = Statement(
    "UPDATE basket_export SET files_until = $2 WHERE files_until < $1 AND id IN "
    f"(SELECT id FROM basket_export WHERE files_until < $1 ORDER BY files_until LIMIT {BATCH}) "
    "RETURNING id, cache_key, begun, format"
)
_RELEASE = Statement(
    "UPDATE basket_export SET files_until = NULL, "
    "status = CASE status WHEN 'COMPLETED' THEN 'EXPIRED' ELSE status END WHERE id = $1"
)
_COMPLETED = Statement(
    "SELECT id, cache_key, begun, format, finished_at FROM basket_export WHERE status = 'COMPLETED' "
    "AND expires_at > $1 AND finished_at < $2 AND (finished_at, id) > ($3, $4) "
    f"ORDER BY finished_at, id LIMIT {BATCH}"
)
_EXPIRE = Statement(
    "UPDATE basket_export SET status = 'EXPIRED' WHERE id = $1 AND status = 'COMPLETED' AND finished_at < $2 "
    "RETURNING id"
)
_DELETE_OLD = Statement(
    "DELETE FROM basket_export WHERE status IN ('FAILED', 'EXPIRED') AND finished_at < $1 AND files_until IS NULL"
)


async def take_ended_exports() -> list[EndedExport]:
    """Returns exports whose files are to be deleted; no other process gets the same ones for a while."""
    taken_at = now()
    rows = await _TAKE_ENDED.rows(taken_at, taken_at + RETRY_DELETION_AFTER)
    return [EndedExport(int(row[0]), _file_names(row)) for row in rows]


def _file_names(row: Row) -> Sequence[str]:
    return [stored_name(row[1], attempt, row[3]) for attempt in range(1, int(row[2]) + 1)]


async def release_files(export_id: int) -> None:
    """Notes that no file of an export is left; a completed one has expired."""
    await _RELEASE.rows(export_id)


async def completed_exports(after: datetime, after_id: int) -> list[CompletedExport]:
    """Returns the exports that can be downloaded, in the order of their completion, after a position."""
    rows = await _COMPLETED.rows(now(), now() - CHECKED_AFTER, after, after_id)
    return [
        CompletedExport(int(row[0]), stored_name(row[1], row[2], row[3]), moment(row[4]))
        for row in rows
    ]


async def expire_missing(export_id: int) -> bool:
    """Expires an export whose file is not in the store; false when it has only just been completed, or has expired."""
    return await _EXPIRE.row(export_id, now() - CHECKED_AFTER) is not None


async def delete_old_exports() -> None:
    """Deletes the rows of exports that failed or expired long ago and have no files."""
    await _DELETE_OLD.rows(now() - RECORD_KEPT)
