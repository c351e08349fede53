"""Exports that a newer release, whose servers and workers run beside these, has stored."""

import logging

import pytest

from models.export.export import BasketExport, ExportStatus
from models.export.files import read_completed_exports
from models.export.job import count_exports
from models.timestamps import now
from schema.page import EARLIEST
from tests.support.exports import STATE, completed, ended, fill
from tests.support.service import Service
from tests.support.statements import statement
from tests.support.waiting import eventually
from tests.support.waiting_export import waiting_row

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize(
    ("column", "newer", "word"),
    [
        ("format", "pdf", "'pdf' is not a valid ExportFormat"),
        ("columns", "product__sku,weight", "'weight' is not a valid ExportField"),
    ],
)
async def test_a_job_of_a_newer_release_waits_for_a_worker_of_it(
    service: Service, caplog: pytest.LogCaptureFixture, column: str, newer: str, word: str
) -> None:
    row = await waiting_row(service)
    before = getattr(row, column)
    await statement(f"UPDATE basket_export SET {column} = :newer").rows(newer=newer)
    waits = f"Export {row.id} waits for a worker of another release."
    with caplog.at_level(logging.WARNING):
        await BasketExport.filter(id=row.id).update(resend_at=now())
        await eventually(lambda: waits in caplog.messages, waits)
    counts = await BasketExport.all().values_list("status", "attempts", "begun")
    assert counts == [(ExportStatus.WAITING, 0, 0)]
    (error,) = (await service.main.post(STATE, key=row.cache_key)).json()["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"] == (
        "Another release has stored the export, and this server cannot read it: "
        f"{word}. Ask again later."
    )
    # Another worker may take it at once.
    await statement(f"UPDATE basket_export SET {column} = :before").rows(before=before)
    await BasketExport.filter(id=row.id).update(resend_at=now())
    assert (await ended(service.main, row.cache_key))["status"] == "COMPLETED"


async def test_sweeps_and_counts_leave_out_words_of_a_newer_release(
    service: Service,
) -> None:
    row = await waiting_row(service)
    await statement(
        "UPDATE basket_export SET format = 'pdf', status = 'COMPLETED', "
        "expires_at = '9999-01-01 00:00:00+00:00', finished_at = '2026-01-01 00:00:00+00:00'"
    ).rows()
    assert await read_completed_exports(EARLIEST, 0) == []
    await statement("UPDATE basket_export SET status = 'PAUSED'").rows()
    assert set((await count_exports()).values()) == {0}
    (error,) = (await service.main.post(STATE, key=row.cache_key)).json()["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"


async def test_a_file_of_a_newer_release_is_left_to_a_server_of_it(
    service: Service,
) -> None:
    await fill(service.main)
    export = await completed(service.main)
    change = statement("UPDATE basket_export SET columns = :columns")
    await change.rows(columns="product__sku,weight")
    response = await service.client.get(export["url"])
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    (error,) = response.json()["errors"]
    assert error["message"] == (
        "Another release has stored the export, and this server cannot read it: "
        "'weight' is not a valid ExportField. Ask again later."
    )
    await change.rows(columns="product__sku")
    assert (await service.client.get(export["url"])).status_code == 200
