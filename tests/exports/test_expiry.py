"""Exports that expire, and files that are not there."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from models.export.export import (
    BasketExport,
)
from models.export.files import CHECKED_AFTER, take_ended_exports
from models.timestamps import now
from tasks.exports.metrics import FILES_MISSING
from tests.support.exports import (
    completed,
    files_of,
    fill,
    state,
)
from tests.support.service import Service
from tests.support.waiting import TIMEOUT_SECONDS, eventually

pytestmark = pytest.mark.usefixtures("impatient")


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
    async with asyncio.timeout(TIMEOUT_SECONDS):
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
