"""The life of an export's job: claimed under a lease, renewed, finished once, or sent again.

Every statement that a worker runs after the claim is fenced by the lease's owner: an attempt that
was frozen, and in whose place another one began, changes nothing more. All timestamps are the
servers' own, so their clocks must agree to within a few seconds; if they do not, work is done
twice, and its result still counts once.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tortoise.expressions import Q
from tortoise.functions import Coalesce, Count
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.database.statements import Row, is_sqlite, load_statements
from models.export.export import (
    RESEND_AFTER,
    BasketExport,
    ExportField,
    ExportFormat,
    ExportStatus,
    parse_columns,
    stored_name,
)
from models.timestamps import now

MAXIMUM_ATTEMPTS = 3
"""How often an export is begun before it is given up."""
LEASE = timedelta(seconds=10)
"""How long an attempt may go without a sign of life."""
RETRY_AFTER = timedelta(seconds=3)
"""How soon after a failed attempt the next one is sent for."""
FAR = timedelta(seconds=30)
"""Timestamps further ahead than this were written before a clock was set back: they are past.

It is more than the longest lease and the difference of the servers' clocks.
"""
BATCH = 200
"""How many rows one sweep sends again at most."""

NEVER_ENDED = (
    f"The writing was begun {MAXIMUM_ATTEMPTS} times, "
    "and each time the worker stopped before it ended."
)
_SWEEPER_LOCK = 0x6261736B6574  # "basket"


class LeaseLost(Exception):
    """Raised when an attempt is no longer the one that may finish the export."""


class ExportImpossible(Exception):
    """Raised when no further attempt can help; the message says why, for a person."""


class Claim(NamedTuple):
    """One attempt at an export, and the file to write."""

    id: int
    owner: str
    basket_id: int | None
    cache_key: str
    format: ExportFormat
    fields: Sequence[ExportField]
    attempts: int
    begun: int

    @property
    def file_name(self) -> str:
        """The name of the file to be written, which no other attempt has."""
        return stored_name(self.cache_key, self.begun, self.format)

    @property
    def earlier_file_names(self) -> Sequence[str]:
        """The names of the files that earlier attempts may have left."""
        return [
            stored_name(self.cache_key, attempt, self.format)
            for attempt in range(1, self.begun)
        ]


_STATEMENTS = load_statements(__file__, maximum_attempts=MAXIMUM_ATTEMPTS, batch=BATCH)
_CLAIM = _STATEMENTS["claim"]
_BASKET_ROWS = _STATEMENTS["basket_rows"]
_TAKE_TURN = _STATEMENTS["take_turn"]
_TAKE_OVERDUE = _STATEMENTS["take_overdue"]


async def claim_export(export_id: int) -> Claim | None:
    """Begins an attempt; None when another one is at it, or the job has ended."""
    owner, claimed_at = secrets.token_hex(16), now()
    row = await _CLAIM.row(
        export_id=export_id,
        owner=owner,
        lease_until=claimed_at + LEASE,
        claimed_at=claimed_at,
        too_far=claimed_at + FAR,
    )
    if row is None:
        return None
    return Claim(
        export_id,
        owner,
        row["basket_id"],
        row["cache_key"],
        ExportFormat(row["format"]),
        parse_columns(row["columns"]),
        row["attempts"],
        row["begun"],
    )


async def read_basket_rows(claim: Claim) -> Sequence[Row]:
    """Reads the basket in one statement: a row per item and division, columns as in ExportField."""
    return await _BASKET_ROWS.rows(basket_id=claim.basket_id)


def _claimed(claim: Claim) -> QuerySet[BasketExport]:
    """Returns the export's row as long as this attempt still counts."""
    return BasketExport.filter(
        id=claim.id, lease_owner=claim.owner, status=ExportStatus.PROCESSING
    )


async def renew_lease(claim: Claim, written: int, total: int) -> bool:
    """Extends the lease and notes the progress; returns whether the attempt still counts."""
    until = now() + LEASE
    # The message counts as lost no sooner than the lease, or a job at work would be sent again.
    return bool(
        await _claimed(claim).update(
            lease_until=until, resend_at=until, rows_written=written, rows_total=total
        )
    )


async def finish_export(claim: Claim, count: int, kept: timedelta) -> None:
    """Completes the export with the file of this attempt; raises LeaseLost when it was replaced."""
    finished_at = now()
    is_finished = await _claimed(claim).update(
        status=ExportStatus.COMPLETED,
        rows_written=count,
        rows_total=count,
        failure=None,
        lease_owner=None,
        lease_until=None,
        finished_at=finished_at,
        expires_at=finished_at + kept,
        files_until=finished_at + kept,
    )
    if not is_finished:
        raise LeaseLost


async def fail_attempt(claim: Claim, reason: str) -> None:
    """Notes why an attempt failed; the last one fails the export, others wait for the next."""
    if claim.attempts >= MAXIMUM_ATTEMPTS:
        await fail_export(claim, reason)
    else:
        await _return_claim(claim, reason, attempts=claim.attempts, pause=RETRY_AFTER)


async def fail_export(claim: Claim, reason: str) -> None:
    """Fails the export for good."""
    failed_at = now()
    await _claimed(claim).update(
        status=ExportStatus.FAILED,
        failure=reason,
        lease_owner=None,
        lease_until=None,
        finished_at=failed_at,
        files_until=failed_at,
    )


async def give_back(claim: Claim) -> None:
    """Ends an attempt that was interrupted through no fault of its own; it does not count."""
    await _return_claim(claim, None, attempts=claim.attempts - 1, pause=timedelta(0))


async def _return_claim(
    claim: Claim, reason: str | None, *, attempts: int, pause: timedelta
) -> None:
    await _claimed(claim).update(
        status=ExportStatus.WAITING,
        rows_written=0,
        attempts=attempts,
        failure=reason,
        lease_owner=None,
        lease_until=None,
        resend_at=now() + pause,
    )


async def _is_my_turn() -> bool:
    """Takes the sweeper's turn for this transaction; on SQLite each has the database to itself."""
    if is_sqlite():
        return True
    row = await _TAKE_TURN.one(key=_SWEEPER_LOCK)
    return bool(row[0])


async def take_overdue_exports() -> list[int]:
    """Fails exports that are out of attempts and returns the jobs to send again.

    It is empty while another server does the same.
    """
    swept_at = now()
    # The turn is an advisory lock that ends with this transaction.
    async with in_transaction():
        if not await _is_my_turn():
            return []
        await _give_up(swept_at)
        rows = await _TAKE_OVERDUE.rows(
            swept_at=swept_at, resend_at=swept_at + RESEND_AFTER, too_far=swept_at + FAR
        )
        return [int(row["id"]) for row in rows]


async def _give_up(swept_at: datetime) -> None:
    """Fails the exports whose last attempt has lost its lease."""
    is_lost = Q(lease_until__lt=swept_at) | Q(lease_until__gt=swept_at + FAR)
    lost = BasketExport.filter(
        is_lost, status=ExportStatus.PROCESSING, attempts__gte=MAXIMUM_ATTEMPTS
    )
    await lost.update(
        status=ExportStatus.FAILED,
        # The reason of an earlier attempt says more than the silence of the last one.
        failure=Coalesce("failure", NEVER_ENDED),
        lease_owner=None,
        lease_until=None,
        finished_at=swept_at,
        files_until=swept_at,
    )


async def count_exports() -> dict[str, int]:
    """Counts the exports in each known state; states without any are 0."""
    counts = {status.value: 0 for status in ExportStatus}
    known = BasketExport.filter(status__in=list(ExportStatus))
    rows = known.annotate(count=Count("id")).group_by("status")
    return counts | {
        str(status): count for status, count in await rows.values_list("status", "count")
    }
