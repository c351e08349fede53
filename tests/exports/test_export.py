"""Exporting a basket to a file: asked for, written by the worker in the server's process, once."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from models.export.export import (
    BasketExport,
    ExportFormat,
    ExportStatus,
    describe_excess,
)
from models.timestamps import now
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
from tests.support.service import Service, serve_beside
from tests.support.waiting_export import content_of, waiting_row

pytestmark = pytest.mark.usefixtures("impatient")


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
    assert describe_excess(65_535, ExportFormat.XLS) is None
    assert describe_excess(65_536, ExportFormat.CSV) is None
    assert describe_excess(65_536, ExportFormat.XLSX) is None
    expected = "The basket makes 65536 rows; a file of the format xls holds at most 65535."
    assert describe_excess(65_536, ExportFormat.XLS) == expected


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
    failed = await ended(service.main, row.cache_key)
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
    failed = await ended(service.main, row.cache_key)
    assert failed["status"] == "FAILED"
    assert (
        failed["failure"] == "The basket was emptied or deleted before it could be written."
    )


async def test_the_same_key_gets_the_same_export_as_it_is_now_and_one_file(
    service: Service, tmp_path: Path
) -> None:
    await fill(service.main)
    first = await ask(service.main, format="CSV", idempotencyKey="a")
    await ended(service.main, first["cacheKey"])
    again = await ask(service.main, format="CSV", idempotencyKey="a")
    assert again["cacheKey"] == first["cacheKey"]
    assert (first["status"], again["status"]) == ("WAITING", "COMPLETED")
    assert again["isReady"]
    assert first["cacheKey"] in again["url"]
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
