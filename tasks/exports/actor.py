"""The actor `basket.export`: one attempt at writing a basket to a file.

Its message is the id of the export; a second delivery finds nothing to do.
"""

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import BinaryIO

import dramatiq
from dramatiq import Actor, Broker

from models.background import background_loop
from models.database.connection import DATABASE_FAILURES
from models.database.statements import Row
from models.export.export import (
    ExportField,
    ExportFormat,
    describe_excess,
    is_known_job,
)
from models.export.job import (
    Claim,
    ExportImpossible,
    LeaseLost,
    claim_export,
    fail_attempt,
    fail_export,
    finish_export,
    give_back,
    read_basket_rows,
    renew_lease,
)
from models.money import format_amount
from tasks.attempts import Attempts
from tasks.exports.marker import is_mounted
from tasks.exports.metrics import ATTEMPTS, IN_PROGRESS, SECONDS
from tasks.exports.store import ExportStore
from tasks.spreadsheets.writing import Cell, write_spreadsheet

logger = logging.getLogger("basket")

RENEW_SECONDS = 1.0
"""Seconds between two renewals of an attempt's lease, which also note its progress."""
MAXIMUM_SECONDS = 600.0
"""Timeout of one attempt, in seconds."""

ExportActor = Actor[[int], None]

INDEXES = {field: index for index, field in enumerate(ExportField)}
"""The index of each column in the rows of `read_basket_rows`."""
PRICE = INDEXES[ExportField.PRICE]


def declare_export(
    broker: Broker, attempts: Attempts, store: ExportStore, retention: timedelta
) -> ExportActor:
    """Declares the actor on a broker; it writes to the store, for files kept for `retention`."""

    async def export(export_id: int) -> None:
        await attempts.run(attempt(export_id, store, retention))

    return dramatiq.actor(broker=broker, actor_name="basket.export", queue_name="exports")(
        export
    )


class Attempt:
    """One attempt: reads the basket in one statement and writes it in a thread.

    Its file counts only if the lease still holds at the end.
    """

    def __init__(self, claim: Claim, store: ExportStore, retention: timedelta) -> None:
        self.claim = claim
        self.store = store
        self.retention = retention
        self.written = 0
        self.is_stopped = False

    async def carry_out(self) -> None:
        """Writes the file; raises ExportImpossible, LeaseLost, errors of storage and database."""
        rows = await self._read()
        renew = partial(self._renew, len(rows))
        async with background_loop("leases of exports", renew, RENEW_SECONDS):
            try:
                await asyncio.to_thread(self._write, rows)
            finally:
                # A cancelled task does not end its thread; the thread looks at this.
                self.is_stopped = True
        try:
            await finish_export(self.claim, len(rows), self.retention)
        except LeaseLost:
            # The row names the file of another attempt, so nobody would delete this one.
            await asyncio.to_thread(self._remove, [self.claim.file_name])
            raise
        await asyncio.to_thread(self._remove, self.claim.earlier_file_names)

    def _remove(self, names: Sequence[str]) -> None:
        """Deletes files of this export; the expiry of the export deletes the others."""
        for name in names:
            with suppress(OSError):
                self.store.remove(name)

    async def _read(self) -> Sequence[Row]:
        rows = await read_basket_rows(self.claim)
        if not rows:
            raise ExportImpossible(
                "The basket was emptied or deleted before it could be written."
            )
        if reason := describe_excess(len(rows), self.claim.format):
            raise ExportImpossible(reason)
        return rows

    async def _renew(self, total: int) -> None:
        logger.info(
            "Export %d: %d of %d rows are written.", self.claim.id, self.written, total
        )
        if not await renew_lease(self.claim, self.written, total):
            self.is_stopped = True

    def _write(self, rows: Sequence[Row]) -> None:
        try:
            self.store.write(self.claim.file_name, lambda file: self._fill(file, rows))
        except BaseException:
            self._remove([self.claim.file_name])
            raise

    def _fill(self, file: BinaryIO, rows: Sequence[Row]) -> None:
        headers = [field.value for field in self.claim.fields]
        write_spreadsheet(file, self.claim.format.value, headers, self._cells(rows))

    def _cells(self, rows: Sequence[Row]) -> Iterator[list[Cell]]:
        # Only a csv file has no number formats, so its prices are texts with two decimals.
        price = format_amount if self.claim.format is ExportFormat.CSV else _decimal
        indexes = [INDEXES[field] for field in self.claim.fields]
        for row in rows:
            if self.is_stopped:
                raise LeaseLost
            yield [price(row[i]) if i == PRICE else row[i] for i in indexes]
            self.written += 1


def _decimal(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


async def attempt(export_id: int, store: ExportStore, retention: timedelta) -> None:
    """Claims an export and carries out the attempt; an end that is not noted is the sweeper's."""
    if not await is_mounted(store):
        logger.warning("Export %d waits until %s is mounted.", export_id, store.url)
        return
    # Not claimed, which would count as an attempt; its message is sent again every few seconds.
    if not await is_known_job(export_id):
        logger.warning("Export %d waits for a worker of another release.", export_id)
        return
    claim = await claim_export(export_id)
    if claim is None:
        return
    begun_at, outcome = monotonic(), "failed"
    with IN_PROGRESS.track_inprogress():
        try:
            outcome = await carry_out_export(claim, store, retention)
        except asyncio.CancelledError:
            outcome = "returned"
            raise
        finally:
            ATTEMPTS.labels(outcome).inc()
    if outcome == "completed":
        SECONDS.observe(monotonic() - begun_at)


async def carry_out_export(claim: Claim, store: ExportStore, retention: timedelta) -> str:
    """Carries out an attempt, notes its outcome in the database, and returns it as a word."""
    try:
        async with asyncio.timeout(MAXIMUM_SECONDS):
            await Attempt(claim, store, retention).carry_out()
    except LeaseLost:
        logger.warning("Export %d was taken over by another attempt.", claim.id)
        return "lost"
    except asyncio.CancelledError:
        # The timeout has become a TimeoutError by now, so the worker is stopping. Without a
        # database the lease runs out instead, and the sweeper sends the export again.
        with suppress(OSError, *DATABASE_FAILURES):
            await give_back(claim)
        raise
    except ExportImpossible as impossible:
        await fail_export(claim, str(impossible))
        return "impossible"
    except Exception as error:
        logger.exception("Attempt %d at export %d failed.", claim.attempts, claim.id)
        await fail_attempt(claim, explain_error(error))
        return "failed"
    logger.info("Export %d is completed.", claim.id)
    return "completed"


def explain_error(error: Exception) -> str:
    """Returns the reason of a failed attempt for a buyer, without internals of the server."""
    if isinstance(error, TimeoutError):
        return f"The writing took longer than {MAXIMUM_SECONDS:.0f} seconds."
    if isinstance(error, DATABASE_FAILURES):
        return "The database did not answer while the file was being written."
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        # Not the error's own text: that of a remote storage may name buckets and paths.
        return f"The file could not be stored: {os.strerror(error.errno)}."
    return f"The writing failed unexpectedly ({type(error).__name__})."
