"""Exporting a basket to a file: asked for, written by the worker in the server's process, once."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.basket.tables import Basket
from models.export.export import (
    RESEND_AFTER,
    BasketExport,
    ExportFormat,
    ExportStatus,
    excess_of,
)
from models.export.files import CHECKED_AFTER, take_ended_exports
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
from tasks.exports.metrics import FILES_MISSING
from tests.support.exports import (
    EXPORT,
    ask,
    completed,
    ended,
    files_of,
    fill,
    rejected,
    state,
)
from tests.support.service import Service, number_in, serve_beside
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the sweeper look ten times as often, so that no test waits for it."""
    monkeypatch.setattr("tasks.exports.sweeper.SWEEP_SECONDS", 0.3)
    monkeypatch.setattr("models.export.job.RETRY_AFTER", timedelta(seconds=0.3))


async def content_of(service: Service, export: dict[str, Any]) -> str:
    """Downloads a csv by the export's address."""
    response = await service.client.get(export["url"])
    assert response.status_code == 200
    return response.content.decode("utf-8-sig")


async def waiting_row(service: Service) -> BasketExport:
    """Writes the row of an export whose message was lost."""
    basket = await Basket.get(id=number_in(await fill(service.main)))
    return await BasketExport.create(
        cache_key="0" * 32,
        user_id=basket.user_id,  # type: ignore[attr-defined]
        basket=basket,
        format=ExportFormat.CSV,
        columns="product__sku,quantity",
        rows_total=3,
        resend_at=now() + timedelta(seconds=25),
        created_at=now(),
    )


async def test_an_export_is_answered_at_once_and_completes(service: Service) -> None:
    await fill(service.main)
    export = await ask(service.main, format="CSV")
    assert re.fullmatch("[0-9a-f]{32}", export["cacheKey"])
    assert export | {"cacheKey": "", "createdAt": ""} == {
        "cacheKey": "",
        "status": "WAITING",
        "isReady": False,
        "url": None,
        "format": "CSV",
        "fields": [
            "PRODUCT_SKU",
            "DIVISION",
            "DIVISION_ERP_CODE",
            "DIVISION_NAME",
            "PRICE",
            "QUANTITY",
            "PRODUCT_REMOTE_ID",
        ],
        "rowsWritten": 0,
        "rowsTotal": 3,
        "failure": None,
        "createdAt": "",
        "expiresAt": None,
    }
    done = await ended(service.main, export["cacheKey"])
    assert (done["status"], done["isReady"], done["rowsWritten"], done["rowsTotal"]) == (
        "COMPLETED",
        True,
        3,
        3,
    )
    assert done["failure"] is None
    assert done["expiresAt"] > done["createdAt"]


async def test_all_columns_come_in_the_order_of_the_contract_one_row_an_item_and_division(
    service: Service,
) -> None:
    await fill(service.main)
    main, sub = service.division("ERP01"), service.division("ERP02")
    assert await content_of(service, await completed(service.main, format="CSV")) == (
        "product__sku,division,division__erp_code,division__name,price,quantity,product_remote_id\r\n"
        f"SKU01,{main},ERP01,main,10.55,2,1\r\n"
        f"SKU01,{sub},ERP02,sub,10.55,4,1\r\n"
        f"SKU02,{sub},ERP02,sub,20.00,3,2\r\n"
    )


async def test_columns_are_written_as_asked_in_the_order_asked(service: Service) -> None:
    await fill(service.main)
    export = await completed(service.main, format="CSV", fields=["QUANTITY", "PRODUCT_SKU"])
    assert export["fields"] == ["QUANTITY", "PRODUCT_SKU"]
    assert (
        await content_of(service, export)
        == "quantity,product__sku\r\n2,SKU01\r\n4,SKU01\r\n3,SKU02\r\n"
    )


async def test_xls_is_the_format_when_none_is_asked_for(
    service: Service, tmp_path: Path
) -> None:
    await fill(service.main)
    export = await completed(service.main)
    assert export["format"] == "XLS"
    assert files_of(tmp_path / "exports") == [f"{export['cacheKey']}-1.xls"]


async def test_any_of_the_callers_baskets_can_be_exported(service: Service) -> None:
    draft = await fill(service.main)
    await service.main.accepted("basketSave", name="Draft")
    export = await completed(
        service.main, basketId=draft, format="CSV", fields=["QUANTITY"]
    )
    assert await content_of(service, export) == "quantity\r\n2\r\n4\r\n3\r\n"
    await fill(service.main, segmentRemoteId=7)
    assert (await ask(service.main, segmentRemoteId=7))["rowsTotal"] == 3


async def test_what_there_is_nothing_to_export_of_is_rejected(service: Service) -> None:
    assert await rejected(service.main) == [("BASKET_NOT_FOUND", ["segmentRemoteId"])]
    basket = await fill(service.main)
    assert await rejected(service.sub, basketId=basket) == [
        ("BASKET_NOT_FOUND", ["basketId"])
    ]
    assert await rejected(service.main, basketId="x") == [
        ("BASKET_NOT_FOUND", ["basketId"])
    ]
    assert await rejected(service.main, segmentRemoteId=0) == [
        ("INVALID_INPUT", ["segmentRemoteId"])
    ]
    await service.main.accepted("basketClear")
    assert await rejected(service.main) == [("BASKET_EMPTY", ["segmentRemoteId"])]
    assert await rejected(service.main, basketId=basket) == [("BASKET_EMPTY", ["basketId"])]
    assert await BasketExport.all().count() == 0


async def test_no_field_and_a_field_twice_are_rejected(service: Service) -> None:
    await fill(service.main)
    assert await rejected(service.main, fields=[]) == [("INVALID_INPUT", ["fields"])]
    twice = ["QUANTITY", "PRICE", "QUANTITY"]
    assert await rejected(service.main, fields=twice) == [
        ("INVALID_INPUT", ["fields", "2"])
    ]
    assert await BasketExport.all().count() == 0


def test_an_xls_of_more_rows_than_it_holds_is_rejected_naming_both() -> None:
    assert excess_of(65_535, ExportFormat.XLS) is None
    assert excess_of(65_536, ExportFormat.CSV) is None
    assert excess_of(65_536, ExportFormat.XLSX) is None
    expected = "The basket makes 65536 rows; a file of the format xls holds at most 65535."
    assert excess_of(65_536, ExportFormat.XLS) == expected


async def test_a_basket_too_large_for_the_format_is_rejected(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(service.main)
    monkeypatch.setattr("models.export.export.MAXIMUM_ROWS", {ExportFormat.XLS: 2})
    payload = await service.main.change("basketExport", EXPORT)
    assert payload["userErrors"] == [
        {
            "code": "BASKET_LIMIT_EXCEEDED",
            "message": "The basket makes 3 rows; a file of the format xls holds at most 2.",
            "field": ["format"],
        }
    ]


async def test_exports_that_have_not_ended_are_limited_per_user(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No worker takes them.
    monkeypatch.setattr("tasks.exports.sending.ExportSender.send", lambda sender, ids: None)
    async with serve_beside(service, database_url, export_maximum_waiting=2) as client:
        service = replace(service, client=client)
        basket = await fill(service.main)
        await ask(service.main)
        await ask(service.main, basketId=basket)
        for given, field in (({"basketId": basket}, "basketId"), ({}, "segmentRemoteId")):
            payload = await service.main.change("basketExport", EXPORT, **given)
            message = "At most 2 of your exports may be unfinished at a time; wait for one of them."
            error = {"code": "BASKET_LIMIT_EXCEEDED", "message": message, "field": [field]}
            assert (payload["export"], payload["userErrors"]) == (None, [error])
        assert await BasketExport.all().count() == 2
        line = {"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 1}
        await service.sub.accepted("basketItemsAdd", items=[line])
        await ask(service.sub)
        await BasketExport.filter(user__email="main@example.invalid").update(
            status=ExportStatus.FAILED
        )
        await ask(service.main)


async def test_the_limit_holds_for_exports_asked_for_at_once(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.exports.sending.ExportSender.send", lambda sender, ids: None)
    async with serve_beside(service, database_url, export_maximum_waiting=3) as client:
        service = replace(service, client=client)
        for segment in range(1, 9):
            await fill(service.main, segmentRemoteId=segment)
        payloads = await asyncio.gather(
            *(
                service.main.change("basketExport", EXPORT, segmentRemoteId=n)
                for n in range(1, 9)
            )
        )
        codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
        assert codes == ["BASKET_LIMIT_EXCEEDED"] * 5
        assert await BasketExport.all().count() == 3


async def test_a_basket_that_grows_too_large_before_it_is_written_fails_saying_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await waiting_row(service)
    await BasketExport.filter(id=row.id).update(format=ExportFormat.XLS, resend_at=now())
    monkeypatch.setattr("models.export.export.MAXIMUM_ROWS", {ExportFormat.XLS: 2})
    failed = await ended(service.main, row.cache_key, 10)
    assert failed["status"] == "FAILED"
    assert (
        failed["failure"]
        == "The basket makes 3 rows; a file of the format xls holds at most 2."
    )


async def test_a_basket_emptied_or_deleted_before_it_is_written_fails_saying_so(
    service: Service,
) -> None:
    row = await waiting_row(service)
    await service.main.accepted("basketSave", name="Draft")
    basket_id = str(row.basket_id)  # type: ignore[attr-defined]
    await service.main.change("basketDelete", "deletedBasketId", basketId=basket_id)
    await BasketExport.filter(id=row.id).update(resend_at=now())
    failed = await ended(service.main, row.cache_key, 10)
    assert failed["status"] == "FAILED"
    assert (
        failed["failure"] == "The basket was emptied or deleted before it could be written."
    )


async def test_the_same_key_gets_the_first_answer_and_one_file(
    service: Service, tmp_path: Path
) -> None:
    await fill(service.main)
    first = await ask(service.main, format="CSV", idempotencyKey="a")
    await ended(service.main, first["cacheKey"])
    assert await ask(service.main, format="CSV", idempotencyKey="a") == first
    assert await BasketExport.all().count() == 1
    reused = [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]
    assert await rejected(service.main, format="XLS", idempotencyKey="a") == reused
    assert files_of(tmp_path / "exports") == [f"{first['cacheKey']}-1.csv"]


async def test_another_users_export_is_as_one_that_does_not_exist(service: Service) -> None:
    await fill(service.main)
    export = await ask(service.main)
    assert await state(service.sub, export["cacheKey"]) is None
    assert await state(service.main, "0" * 32) is None
    assert await state(service.main, "../x\0") is None


async def test_an_export_whose_message_was_lost_is_sent_again(service: Service) -> None:
    row = await waiting_row(service)
    await BasketExport.filter(id=row.id).update(resend_at=now())
    done = await ended(service.main, row.cache_key, 10)
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
    assert (await ended(service.main, row.cache_key, 10))["status"] == "COMPLETED"


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
    failed = await ended(service.main, row.cache_key, 10)
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
    done = await ended(service.main, row.cache_key, 10)
    assert (done["status"], (await BasketExport.get()).attempts) == ("COMPLETED", 2)


async def test_three_failures_fail_the_export_with_their_reason(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "exports").rmdir()
    (tmp_path / "exports").write_text("This is no folder.")
    await fill(service.main)
    failed = await ended(service.main, (await ask(service.main))["cacheKey"], 60)
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


async def test_an_expired_export_loses_its_file_and_says_so(
    service: Service, tmp_path: Path
) -> None:
    await fill(service.main)
    export = await completed(service.main)
    past = now() - timedelta(seconds=1)
    await BasketExport.all().update(expires_at=past, files_until=past)
    assert (await service.client.get(export["url"])).status_code == 410

    async def is_expired() -> bool:
        return bool((await state(service.main, export["cacheKey"]))["status"] == "EXPIRED")

    await eventually(is_expired, "The expiry")
    expired = await state(service.main, export["cacheKey"])
    assert (expired["status"], expired["isReady"], expired["url"]) == (
        "EXPIRED",
        False,
        None,
    )
    assert files_of(tmp_path / "exports") == []
    assert await take_ended_exports() == []
    assert (await service.client.get(export["url"])).status_code == 410


async def test_a_completed_export_whose_file_is_not_there_expires_is_logged_and_counted(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(service.main)
    lost, good = await completed(service.main), await completed(service.main)
    before = FILES_MISSING._value.get()
    (tmp_path / "exports" / f"{lost['cacheKey']}-1.xls").unlink()
    # As old as after a restart: both are looked at.
    await BasketExport.all().update(finished_at=now() - CHECKED_AFTER)
    async with asyncio.timeout(30):
        while (await state(service.main, lost["cacheKey"]))["status"] != "EXPIRED":
            await asyncio.sleep(0.1)
    assert (await state(service.main, good["cacheKey"]))["status"] == "COMPLETED"
    assert FILES_MISSING._value.get() - before == 1
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert (
        f"its file {lost['cacheKey']}-1.xls is not in {tmp_path / 'exports'}" in errors[0]
    )
    assert (await service.client.get(lost["url"])).status_code == 410
    assert (await service.client.get(good["url"])).status_code == 200


async def test_a_folder_that_is_gone_expires_nothing(
    service: Service, tmp_path: Path
) -> None:
    await fill(service.main)
    export = await completed(service.main)
    (tmp_path / "exports").rename(tmp_path / "unmounted")
    await BasketExport.all().update(finished_at=now() - CHECKED_AFTER)
    response = await service.client.get(export["url"])
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    (tmp_path / "unmounted").rename(tmp_path / "exports")
    assert (await state(service.main, export["cacheKey"]))["status"] == "COMPLETED"
    assert (await service.client.get(export["url"])).status_code == 200
