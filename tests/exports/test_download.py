"""Downloading exported files: by a signed address or with the owner's token, whole or in part, and nothing else."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlrd
from fsspec.implementations.memory import MemoryFileSystem
from itsdangerous import TimestampSigner

from models.division import Division
from models.export.export import BasketExport, ExportStatus
from models.timestamps import now
from tests.support.exports import completed, fill
from tests.support.service import Service, serve, serve_beside
from tests.support.shop import Shop
from web.exports.byte_range import parse_range

CSV = b"\xef\xbb\xbfproduct__sku,quantity\r\nSKU01,2\r\nSKU01,4\r\nSKU02,3\r\n"
COLUMNS = ["PRODUCT_SKU", "QUANTITY"]
OWNER = {"Authorization": "Token main"}


@pytest.fixture(params=["folder", "memory"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A local folder and, again, another storage of fsspec."""
    return str(tmp_path / "exports") if request.param == "folder" else "memory://exports"


@pytest.fixture
async def stored(shop: Shop, sqlite_url: str, store_url: str) -> AsyncIterator[Service]:
    """The application with its files in a store."""
    async with serve(sqlite_url, shop, store_url) as served:
        yield served
    MemoryFileSystem.store.clear()


async def exported(service: Service, **given: Any) -> dict[str, Any]:
    """Exports three rows."""
    await fill(service.main)
    return await completed(service.main, **({"format": "CSV", "fields": COLUMNS} | given))


def path_of(export: dict[str, Any]) -> str:
    """Returns the path of a file, without the signature."""
    return f"/export_file/{export['cacheKey']}.{export['format'].lower()}"


async def test_a_signed_address_downloads_the_file_without_a_token(stored: Service) -> None:
    export = await exported(stored)
    assert export["url"].startswith(f"http://127.0.0.1:8000{path_of(export)}?signature=")
    response = await stored.client.get(export["url"])
    assert (response.status_code, response.content) == (200, CSV)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        response.headers["content-disposition"]
        == f'attachment; filename="{export["cacheKey"]}.csv"'
    )
    assert response.headers["content-length"] == str(len(CSV))
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_the_owners_token_downloads_the_file_and_no_other_does(
    stored: Service,
) -> None:
    path = path_of(await exported(stored))
    assert (await stored.client.get(path, headers=OWNER)).content == CSV
    assert (await stored.client.get(path)).status_code == 401
    assert (
        await stored.client.get(path, headers={"Authorization": "Token wrong"})
    ).status_code == 401
    assert (
        await stored.client.get(path, headers={"Authorization": "Token other"})
    ).status_code == 404


async def test_a_head_says_what_a_get_would_and_sends_nothing(stored: Service) -> None:
    response = await stored.client.head((await exported(stored))["url"])
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(CSV))


async def test_a_parse_range_the_file_can_be_asked_for(stored: Service) -> None:
    url = (await exported(stored))["url"]
    assert len(CSV) == 53
    for asked, status, content, said in (
        ("bytes=3-14", 206, b"product__sku", "bytes 3-14/53"),
        ("bytes=44-", 206, b"SKU02,3\r\n", "bytes 44-52/53"),
        ("bytes=-4", 206, b",3\r\n", "bytes 49-52/53"),
        ("bytes=44-1000", 206, b"SKU02,3\r\n", "bytes 44-52/53"),
    ):
        response = await stored.client.get(url, headers={"Range": asked})
        got = (response.status_code, response.content, response.headers["content-range"])
        assert got == (status, content, said)
    beyond = await stored.client.get(url, headers={"Range": "bytes=53-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */53")


IGNORED = (
    "items=0-1",
    "bytes 0-1",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-2",
    "bytes=0-1,4-5",
    "bytes=0x0-0x1",
    "seconds=53-",
    "bytes=1.5-2",
    "bytes=1 0-20",
    "bytes=0-1 2",
    "by tes=0-1",
    "=0-1",
    "",
)


async def test_a_range_that_is_none_of_bytes_is_ignored(stored: Service) -> None:
    url = (await exported(stored))["url"]
    for asked in IGNORED:
        response = await stored.client.get(url, headers={"Range": asked})
        assert (asked, response.status_code, response.content) == (asked, 200, CSV)
        assert "content-range" not in response.headers


async def test_two_ranges_in_two_headers_are_ignored_like_those_of_one(
    stored: Service,
) -> None:
    url = (await exported(stored))["url"]
    response = await stored.client.get(
        url, headers=[("Range", "bytes=0-1"), ("Range", "bytes=4-5")]
    )
    assert (response.status_code, response.content) == (200, CSV)


async def test_a_range_on_a_head_is_ignored(stored: Service) -> None:
    url = (await exported(stored))["url"]
    for asked in ("bytes=3-14", "bytes=53-", "bytes=-0", *IGNORED):
        response = await stored.client.head(url, headers={"Range": asked})
        length = response.headers["content-length"]
        assert (asked, response.status_code, length) == (asked, 200, "53")
        assert "content-range" not in response.headers


async def test_a_range_is_of_the_very_file_that_was_begun(stored: Service) -> None:
    url = (await exported(stored))["url"]
    etag = (await stored.client.head(url)).headers["etag"]
    date = "Wed, 25 Nov 2026 10:00:00 GMT"
    for named, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200), (date, 200)):
        headers = {"Range": "bytes=44-", "If-Range": named}
        response = await stored.client.get(url, headers=headers)
        assert (named, response.status_code) == (named, status)
    await BasketExport.all().update(expires_at=now() + timedelta(hours=30))
    assert (await stored.client.head(url)).headers["etag"] != etag


async def test_a_file_that_the_client_has_is_not_sent_again(stored: Service) -> None:
    url = (await exported(stored))["url"]
    etag = (await stored.client.head(url)).headers["etag"]
    for named, status, size in (
        (etag, 304, 0),
        (f'"other", W/{etag}', 304, 0),
        ("*", 304, 0),
        ('"other"', 200, 53),
    ):
        for more in ({}, {"Range": "bytes=0-60"}):
            headers = {"If-None-Match": named} | more
            response = await stored.client.get(url, headers=headers)
            expected = 206 if more and status == 200 else status
            assert (named, response.status_code) == (named, expected)
            tag = response.headers["etag"].removeprefix("W/")
            assert (len(response.content), tag) == (size, etag)
        head = await stored.client.head(url, headers={"If-None-Match": named})
        assert (named, head.status_code) == (named, status)
    unsigned = path_of({"cacheKey": url.split("/")[-1][:32], "format": "CSV"})
    refused = await stored.client.get(unsigned, headers={"If-None-Match": etag})
    assert refused.status_code == 401


def test_ranges_are_read_as_http_says() -> None:
    for ignored in IGNORED:
        assert parse_range(ignored, 10) is None
    assert parse_range("bytes=0-0", 10) == (0, 1)
    assert parse_range("Bytes = 0-9", 10) == (0, 10)
    assert parse_range("bytes=2-", 10) == (2, 10)
    assert parse_range("bytes=-3", 10) == (7, 10)
    assert parse_range("bytes=-99", 10) == (0, 10)
    assert parse_range(f"bytes=4-{'9' * 25}", 10) == (4, 10)
    for nothing in ("bytes=10-", "bytes=-0", "bytes=10-11"):
        with pytest.raises(ValueError, match="Nothing of 10 bytes"):
            parse_range(nothing, 10)
    with pytest.raises(ValueError, match="Nothing of 0 bytes"):
        parse_range("bytes=-1", 0)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("XLS", "application/vnd.ms-excel"),
        ("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
async def test_workbooks_have_their_content_type_and_can_be_opened(
    stored: Service, tmp_path: Path, kind: str, media_type: str
) -> None:
    export = await exported(
        stored, format=kind, fields=["PRODUCT_SKU", "PRICE", "QUANTITY"]
    )
    response = await stored.client.get(export["url"])
    assert response.headers["content-type"] == media_type
    file = tmp_path / f"file.{kind.lower()}"
    file.write_bytes(response.content)
    expected = [
        ("product__sku", "price", "quantity"),
        ("SKU01", 10.55, 2),
        ("SKU01", 10.55, 4),
        ("SKU02", 20, 3),
    ]
    if kind == "XLS":
        sheet = xlrd.open_workbook(file).sheet_by_index(0)
        assert [tuple(sheet.row_values(place)) for place in range(sheet.nrows)] == expected
    else:
        book = openpyxl.load_workbook(file)
        assert list(book.worksheets[0].values) == expected
        book.close()


async def test_a_forged_or_moved_signature_opens_nothing(stored: Service) -> None:
    export = await exported(stored)
    other = await completed(stored.main, format="XLS", fields=COLUMNS)
    signature = export["url"].partition("?signature=")[2]
    assert (
        await stored.client.get(f"{path_of(other)}?signature={signature}")
    ).status_code == 401
    assert (
        await stored.client.get(f"{path_of(export)}?signature={signature}x")
    ).status_code == 401
    name = path_of(export).removeprefix("/export_file/")
    forged = (
        TimestampSigner("another key", salt="basket.export")
        .sign(name)
        .decode()
        .removeprefix(f"{name}.")
    )
    assert (
        await stored.client.get(f"{path_of(export)}?signature={forged}")
    ).status_code == 401
    assert (
        await stored.client.get(f"{path_of(export)}?signature=%00%ff")
    ).status_code == 401


async def test_an_address_expires_and_the_owner_gets_a_new_one(
    stored: Service, store_url: str, sqlite_url: str
) -> None:
    export = await exported(stored)
    async with serve_beside(
        stored, sqlite_url, export_url=store_url, export_link_seconds=-1
    ) as client:
        response = await client.get(export["url"])
        assert response.status_code == 410
        assert response.json()["errors"][0]["extensions"] == {"code": "ADDRESS_EXPIRED"}
        assert (await client.get(path_of(export), headers=OWNER)).status_code == 200


async def test_an_address_signed_by_a_server_whose_clock_is_ahead_works(
    stored: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            TimestampSigner, "get_timestamp", lambda signer: int(time.time()) + 5
        )
        export = await exported(stored)
    assert (await stored.client.get(export["url"])).content == CSV


async def test_an_expired_file_is_gone_for_everyone(stored: Service) -> None:
    export = await exported(stored)
    await BasketExport.all().update(expires_at=now() - timedelta(seconds=1))
    assert (await stored.client.get(export["url"])).status_code == 410
    assert (await stored.client.get(path_of(export), headers=OWNER)).status_code == 410
    assert (
        await stored.client.get(path_of(export), headers={"Authorization": "Token other"})
    ).status_code == 404


async def test_an_export_that_is_not_completed_has_no_file(stored: Service) -> None:
    export = await exported(stored)
    for status in (ExportStatus.WAITING, ExportStatus.PROCESSING, ExportStatus.FAILED):
        moment = now() + timedelta(seconds=25)
        await BasketExport.all().update(status=status, resend_at=moment, lease_until=moment)
        assert (await stored.client.get(path_of(export), headers=OWNER)).status_code == 404


async def test_a_user_of_a_closed_division_gets_nothing_by_token(stored: Service) -> None:
    path = path_of(await exported(stored))
    await Division.filter(erp_code="ERP01").update(is_active=False)
    response = await stored.client.get(path, headers=OWNER)
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"] == {"code": "DIVISION_INACTIVE"}


async def test_nothing_but_a_file_of_an_export_can_be_reached(stored: Service) -> None:
    key = (await exported(stored))["cacheKey"]
    assert key.upper() != key
    for name in (
        "../test.sqlite3",
        "..%2Ftest.sqlite3",
        "%2e%2e%2ftest.sqlite3",
        "%2Fetc%2Fpasswd",
        "%2E%2E",
        "",
        f"{'0' * 32}.csv",
        key,
        f"{key}.xlsx",
        f"{key}.csv.part",
        f"{key}.csv%00",
        f"{key}.csv%0a",
        f"{key.upper()}.csv",
        f"./{key}.csv/..",
        f"exports/{key}.csv",
    ):
        response = await stored.client.get(f"/export_file/{name}", headers=OWNER)
        assert (name, response.status_code) == (name, 404)


async def test_a_file_that_is_missing_from_the_storage_has_expired(
    stored: Service, tmp_path: Path
) -> None:
    export = await exported(stored)
    MemoryFileSystem.store.clear()
    for file in (tmp_path / "exports").glob("*"):
        file.unlink()
    await BasketExport.all().update(finished_at=now() - timedelta(seconds=6))
    response = await stored.client.get(export["url"])
    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
        410,
        {"code": "FILE_EXPIRED"},
    )
    assert (await BasketExport.get()).status is ExportStatus.EXPIRED
