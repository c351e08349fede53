"""Attempts at an export: lost, overtaken, interrupted, failed."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from models.export.export import (
    RESEND_AFTER,
    BasketExport,
    ExportStatus,
)
from models.export.job import (
    LEASE,
    LeaseLost,
    claim_export,
    fail_attempt,
    finish_export,
    give_back,
    renew_lease,
    take_overdue_exports,
)
from models.timestamps import now
from tests.support.exports import (
    ask,
    ended,
    fill,
)
from tests.support.service import Service
from tests.support.waiting_export import content_of, waiting_row

pytestmark = pytest.mark.usefixtures("impatient")


async def test_an_export_whose_message_was_lost_is_sent_again(service: Service) -> None:
    row = await waiting_row(service)
    await BasketExport.filter(id=row.id).update(resend_at=now())
    done = await ended(service.main, row.cache_key)
    assert done["status"] == "COMPLETED"
    assert (
        await content_of(service, done)
        == "product__sku,quantity\r\nSKU01,2\r\nSKU01,4\r\nSKU02,3\r\n"
    )


async def test_one_attempt_claims_an_export_and_a_second_message_finds_nothing_to_do(
    service: Service,
) -> None:
    row = await waiting_row(service)
    claims = await asyncio.gather(*(claim_export(row.id) for _ in range(5)))
    assert len([claim for claim in claims if claim]) == 1


async def test_an_attempt_that_was_overtaken_changes_nothing_more(service: Service) -> None:
    row = await waiting_row(service)
    first = await claim_export(row.id)
    await BasketExport.filter(id=row.id).update(
        lease_until=now() - timedelta(seconds=1), resend_at=now() + LEASE
    )
    second = await claim_export(row.id)
    assert first is not None
    assert second is not None
    assert not await renew_lease(first, 1, 3)
    with pytest.raises(LeaseLost):
        await finish_export(first, 3, timedelta(hours=1))
    await fail_attempt(first, "A reason.")
    await row.refresh_from_db()
    assert (row.status, row.lease_owner, row.attempts) == (
        ExportStatus.PROCESSING,
        second.owner,
        2,
    )
    await finish_export(second, 3, timedelta(hours=1))
    await row.refresh_from_db()
    assert (row.status, first.file_name) == (ExportStatus.COMPLETED, f"{'0' * 32}-1.csv")
    assert second.file_name == f"{'0' * 32}-2.csv"


async def test_an_interrupted_attempt_does_not_count(service: Service) -> None:
    row = await waiting_row(service)
    claim = await claim_export(row.id)
    assert claim is not None
    await give_back(claim)
    await row.refresh_from_db()
    assert (row.attempts, row.lease_owner) == (0, None)
    assert (await ended(service.main, row.cache_key))["status"] == "COMPLETED"


async def test_an_attempt_that_vanishes_three_times_fails_the_export(
    service: Service,
) -> None:
    row = await waiting_row(service)
    await BasketExport.filter(id=row.id).update(
        status=ExportStatus.PROCESSING,
        attempts=3,
        lease_owner="x",
        lease_until=now() - timedelta(seconds=1),
        resend_at=now(),
    )
    failed = await ended(service.main, row.cache_key)
    assert failed["failure"] == (
        "The writing was begun 3 times, and each time the worker stopped before it ended."
    )


async def test_a_lease_from_before_a_clock_was_set_back_holds_nothing_up(
    service: Service,
) -> None:
    row = await waiting_row(service)
    assert await claim_export(row.id)
    moment = now() + timedelta(hours=1)
    await BasketExport.filter(id=row.id).update(lease_until=moment, resend_at=moment)
    done = await ended(service.main, row.cache_key)
    assert (done["status"], (await BasketExport.get()).attempts) == ("COMPLETED", 2)


async def test_three_failures_fail_the_export_with_their_reason(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "exports").rmdir()
    (tmp_path / "exports").write_text("This is no folder.")
    await fill(service.main)
    failed = await ended(service.main, (await ask(service.main))["cacheKey"])
    assert (failed["status"], failed["failure"]) == (
        "FAILED",
        "The file could not be stored: Not a directory.",
    )
    assert (await BasketExport.get()).attempts == 3


async def test_an_overdue_job_is_sent_by_one_server_only(service: Service) -> None:
    row = await waiting_row(service)
    await BasketExport.filter(id=row.id).update(resend_at=now() - RESEND_AFTER)
    sent = await asyncio.gather(*(take_overdue_exports() for _ in range(5)))
    # The sweeper of the service itself may have been the one.
    assert [identifier for each in sent for identifier in each] in ([row.id], [])
    await row.refresh_from_db()
    assert row.resend_at > now()
