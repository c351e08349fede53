"""The life of an export's job: claimed under a lease, renewed, finished once, sent again when it was left behind.

Every statement that a worker runs after the claim is fenced by the lease's owner: an attempt that was frozen, and in
whose place another one began, changes nothing more. All moments are the servers' own, so their clocks must agree to
within a few seconds; if they do not, work is done twice, and its result still counts once. A moment further ahead than
any that is ever written was written before a clock was set back, and counts as past.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from tortoise.backends.sqlite.client import SqliteClient
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from models.database.statement import Row, Statement, now
from models.export.export import (
    RESEND_AFTER,
    ExportField,
    ExportFormat,
    ExportStatus,
    fields_of,
    stored_name,
)

MAXIMUM_ATTEMPTS = 3
"""How often an export is begun before it is given up."""
LEASE = timedelta(seconds=10)
"""How long an attempt may go without a sign of life."""
RETRY_AFTER = timedelta(seconds=3)
"""How soon after a failed attempt the next one is sent for."""
FAR = timedelta(seconds=30)
"""No lease, and no time to send again, is ever this far ahead: the longest, and what clocks may differ by, and more."""
BATCH = 200
"""How many rows one sweep sends again at most."""

NEVER_ENDED = f"The writing was begun {MAXIMUM_ATTEMPTS} times, and each time the worker stopped before it ended."
_SWEEPER_LOCK = 0x6261736B6574  # "basket"


class LeaseLost(Exception):
    """Raised when an attempt is no longer the one that may finish the export."""


class ExportImpossible(Exception):
    """Raised when no further attempt can help; the message says why, for a person."""


class Claim(NamedTuple):
    """One attempt at an export, and what to write."""

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


_CLAIM = Statement(
    "UPDATE basket_export SET status = 'PROCESSING', attempts = attempts + 1, begun = begun + 1, rows_written = 0, "
    "lease_owner = $2, lease_until = $3, resend_at = $3 WHERE id = $1 AND "
    "(status = 'WAITING' OR (status = 'PROCESSING' AND (lease_until < $4 OR lease_until > $5))) "
    f"AND attempts < {MAXIMUM_ATTEMPTS} "
    "RETURNING basket_id, cache_key, format, columns, attempts, begun"
)
_OWN = "WHERE id = $1 AND lease_owner = $2 AND status = 'PROCESSING' RETURNING id"
_RENEW = Statement(
    f"UPDATE basket_export SET lease_until = $3, resend_at = $3, rows_written = $4, rows_total = $5 {_OWN}"
)
_FINISH = Statement(
    "UPDATE basket_export SET status = 'COMPLETED', rows_written = $3, rows_total = $3, failure = NULL, "
    f"lease_owner = NULL, lease_until = NULL, finished_at = $4, expires_at = $5, files_until = $5 {_OWN}"
)
_RETURN = Statement(
    "UPDATE basket_export SET status = 'WAITING', rows_written = 0, attempts = attempts - $3, failure = $4, "
    f"lease_owner = NULL, lease_until = NULL, resend_at = $5 {_OWN}"
)
_FAIL = Statement(
    "UPDATE basket_export SET status = 'FAILED', failure = $3, lease_owner = NULL, lease_until = NULL, "
    f"finished_at = $4, files_until = $4 {_OWN}"
)
_READ = Statement(
    "SELECT p.sku, q.division_id, d.erp_code, d.name, i.price, q.quantity, p.remote_id FROM basket_item i "
    "JOIN product p ON p.id = i.product_id JOIN basket_item_division q ON q.item_id = i.id "
    "JOIN division d ON d.id = q.division_id WHERE i.basket_id = $1 ORDER BY i.id, q.id"
)


async def claim_export(export_id: int) -> Claim | None:
    """Begins an attempt; None when there is nothing to do: another one is at it, or it is done with."""
    owner, moment = secrets.token_hex(16), now()
    row = await _CLAIM.row(export_id, owner, moment + LEASE, moment, moment + FAR)
    if row is None:
        return None
    return Claim(
        export_id,
        owner,
        row[0],
        row[1],
        ExportFormat(row[2]),
        fields_of(row[3]),
        row[4],
        row[5],
    )


async def rows_to_export(claim: Claim) -> Sequence[Row]:
    """Reads the basket at one moment, in one statement: a row an item and division, in the order of ExportField."""
    return await _READ.rows(claim.basket_id)


async def renew_lease(claim: Claim, written: int, total: int) -> bool:
    """Gives a sign of life and says how far the writing is; tells whether the attempt still counts."""
    return (
        await _RENEW.row(claim.id, claim.owner, now() + LEASE, written, total) is not None
    )


async def finish_export(claim: Claim, count: int, kept: timedelta) -> None:
    """Completes the export with the file of this attempt; raises LeaseLost when another attempt has taken over."""
    moment = now()
    if await _FINISH.row(claim.id, claim.owner, count, moment, moment + kept) is None:
        raise LeaseLost


async def fail_attempt(claim: Claim, reason: str) -> None:
    """Notes why an attempt failed; the last one fails the export, any other lets it wait for the next."""
    if claim.attempts >= MAXIMUM_ATTEMPTS:
        await fail_export(claim, reason)
    else:
        await _RETURN.rows(claim.id, claim.owner, 0, reason, now() + RETRY_AFTER)


async def fail_export(claim: Claim, reason: str) -> None:
    """Fails the export for good."""
    await _FAIL.rows(claim.id, claim.owner, reason, now())


async def give_back(claim: Claim) -> None:
    """Ends an attempt that was interrupted through no fault of its own; it does not count."""
    await _RETURN.rows(claim.id, claim.owner, 1, None, now())


_TAKE_TURN = Statement("SELECT pg_try_advisory_xact_lock($1)")
_GIVE_UP = Statement(
    "UPDATE basket_export SET status = 'FAILED', failure = COALESCE(failure, $2), lease_owner = NULL, "
    "lease_until = NULL, finished_at = $1, files_until = $1 WHERE status = 'PROCESSING' "
    f"AND (lease_until < $1 OR lease_until > $3) AND attempts >= {MAXIMUM_ATTEMPTS}"
)
_OVERDUE = Statement(
    "UPDATE basket_export SET resend_at = $2 WHERE id IN (SELECT id FROM basket_export "
    "WHERE status IN ('WAITING', 'PROCESSING') AND (resend_at < $1 OR resend_at > $3) "
    "AND (lease_until IS NULL OR lease_until < $1 OR lease_until > $3) "
    f"ORDER BY id LIMIT {BATCH}) RETURNING id"
)
_COUNT = Statement("SELECT status, count(*) FROM basket_export GROUP BY status")


async def _is_my_turn() -> bool:
    """Takes the sweeper's turn for this transaction; on SQLite a transaction has the whole database to itself."""
    if isinstance(get_connection("default"), SqliteClient):
        return True
    row = await _TAKE_TURN.row(_SWEEPER_LOCK)
    return bool(row and row[0])


async def overdue_exports() -> list[int]:
    """Fails what is out of attempts and returns the jobs to send again; empty while another server does the same."""
    moment = now()
    async with in_transaction():
        if not await _is_my_turn():
            return []
        await _GIVE_UP.rows(moment, NEVER_ENDED, moment + FAR)
        return [
            int(row[0])
            for row in await _OVERDUE.rows(moment, moment + RESEND_AFTER, moment + FAR)
        ]


async def count_exports() -> dict[str, int]:
    """Counts the exports in each state; states without any are 0."""
    counts = {status.value: 0 for status in ExportStatus}
    return counts | {str(row[0]): int(row[1]) for row in await _COUNT.rows()}
