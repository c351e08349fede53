"""Exports on real servers of the protocols of S3 and of Azure Blob Storage."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.database.connection import connect, disconnect
from models.export.export import BasketExport
from models.timestamps import now
from tests.exports.test_download import COLUMNS, CSV
from tests.support.databases import databases
from tests.support.exports import ask, completed, ended, fill, state
from tests.support.forks import run_for_lines
from tests.support.object_stores import S3, Azure, azure_store, s3_store
from tests.support.process import write_people_to
from tests.support.processes import Processes, free_port
from tests.support.service import Caller
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long


Store = S3 | Azure


FOREIGN = {
    "report.csv",
    "exports/report.csv",
    "exports/0123456789abcdef0123456789abcdef-1.csv",
}


OWNER = {"Authorization": "Token main"}


@pytest.fixture(scope="module", params=["s3", "azure"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A running object store with foreign files."""
    folder = tmp_path_factory.mktemp(request.param)
    with s3_store(folder) if request.param == "s3" else azure_store(folder) as opened:
        for name in FOREIGN:
            opened.put(name)
        yield opened


class Production:
    """A server on the object store, which may be restarted, and two workers."""

    def __init__(self, processes: Processes, client: httpx.AsyncClient, port: int) -> None:
        self.processes = processes
        self.client = client
        self.port = port
        self.caller = Caller(client, "main")
        self.server: subprocess.Popen[bytes] | None = None

    async def restart(self, **environment: str) -> None:
        """Starts the server, anew if it was started before."""
        if self.server:
            self.server.terminate()
            await asyncio.to_thread(self.server.wait, TIMEOUT_SECONDS)
        self.processes.environment |= environment
        self.server = await asyncio.to_thread(self.processes.serve, self.port)

    async def exported(self) -> dict[str, Any]:
        """Exports three rows."""
        return await completed(self.caller, format="CSV", fields=COLUMNS)

    async def reached(self, export: dict[str, Any], status: str) -> None:
        """Waits until an export has a status."""

        async def has_status() -> bool:
            return bool((await state(self.caller, export["cacheKey"]))["status"] == status)

        await eventually(has_status)


async def eventually(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Waits until a condition holds."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not await is_true():
            await asyncio.sleep(0.1)


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """The PostgreSQL test database, empty."""
    yield from databases("postgres", tmp_path)


@pytest.fixture
async def production(
    store: Store, postgres_url: str, shop: Shop, tmp_path: Path
) -> AsyncIterator[Production]:
    """Production on the object store; this process is connected to its database, too."""
    await write_people_to(postgres_url)
    port, redis_port = free_port(), free_port()
    processes = Processes(
        tmp_path,
        DATABASE_URL=postgres_url,
        REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
        COMMERCE_URL=shop.url,
        EXPORT_URL=store.url,
        METRICS_TOKEN="metrics",
        **store.environment,
    )
    try:
        await asyncio.to_thread(processes.redis, redis_port)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS
        ) as client:
            started = Production(processes, client, port)
            await started.restart()
            for _ in range(2):
                await asyncio.to_thread(processes.work)
            await fill(started.caller)
            await connect(postgres_url, 1)
            yield started
    finally:
        await disconnect()
        processes.end()
        for name in store.names() - FOREIGN:
            store.delete(name)


def path_of(export: dict[str, Any]) -> str:
    """Returns the path of a file on our server, without a signature."""
    return f"/export_file/{export['cacheKey']}.{export['format'].lower()}"


def name_of_file(export: dict[str, Any]) -> str:
    """Returns the name of a file in the store."""
    return f"{export['cacheKey']}-1.{export['format'].lower()}"


@pytest.mark.long
async def test_exports_live_in_an_object_store(
    production: Production, store: Store
) -> None:
    # One deployment for all of it: starting it takes most of the time.
    exports = await check_downloads_after_a_restart(production, store)
    await check_ranges_and_heads(production, exports[0])
    await check_expiry(production, store, exports)
    await check_vanished_file(production, store)
    await check_presigned_addresses(production, store)


async def check_downloads_after_a_restart(
    production: Production, store: Store
) -> list[dict[str, Any]]:
    """Files of two workers are downloaded from a server that started when they were there."""
    caller, client = production.caller, production.client
    first = [await ask(caller, format="CSV", fields=COLUMNS) for _ in range(4)]
    exports = [await ended(caller, export["cacheKey"]) for export in first]
    assert [export["status"] for export in exports] == ["COMPLETED"] * 4
    await production.restart()
    exports.append(await production.exported())
    for export in exports:
        response = await client.get(path_of(export), headers=OWNER)
        assert (response.status_code, response.content) == (200, CSV)
    for kind in ("XLS", "XLSX"):
        book = await completed(caller, format=kind)
        content = (await client.get(path_of(book), headers=OWNER)).content
        assert content.startswith(b"PK" if kind == "XLSX" else b"\xd0\xcf\x11\xe0")
        exports.append(book)
    names = {f"exports/{name_of_file(export)}" for export in exports}
    assert store.names() == FOREIGN | names
    return exports


async def check_expiry(
    production: Production, store: Store, exports: list[dict[str, Any]]
) -> None:
    """Files are deleted in their time, and no other file is."""
    past = now() - timedelta(seconds=1)
    await BasketExport.all().update(expires_at=past, files_until=past)
    for export in exports:
        await production.reached(export, "EXPIRED")
        response = await production.client.get(path_of(export), headers=OWNER)
        assert response.status_code == 410
    assert store.names() == FOREIGN


async def check_ranges_and_heads(production: Production, export: dict[str, Any]) -> None:
    """Parts of a file are sent as from a folder."""
    url = export["url"].replace("http://127.0.0.1:8000", "")
    for asked, status, content, said in (
        ("bytes=3-14", 206, b"product__sku", "bytes 3-14/53"),
        ("bytes=44-", 206, b"SKU02,3\r\n", "bytes 44-52/53"),
        ("bytes=-4", 206, b",3\r\n", "bytes 49-52/53"),
    ):
        response = await production.client.get(url, headers={"Range": asked})
        got = (response.status_code, response.content, response.headers["content-range"])
        assert got == (status, content, said)
    beyond = await production.client.get(url, headers={"Range": "bytes=53-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */53")
    head = await production.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CSV))


async def check_vanished_file(production: Production, store: Store) -> None:
    """A completed export whose file is gone expires, and is logged and counted."""
    export = await production.exported()
    store.delete(f"exports/{export['cacheKey']}-1.csv")

    async def is_reported() -> bool:
        response = await production.client.get(path_of(export), headers=OWNER)
        assert response.status_code == 410
        return bool(
            (await state(production.caller, export["cacheKey"]))["status"] == "EXPIRED"
        )

    await eventually(is_reported)
    metrics = await production.client.get(
        "/metrics", headers={"Authorization": "Bearer metrics"}
    )
    assert "basket_export_files_missing_total 1.0" in metrics.text.splitlines()
    log = "".join(
        path.read_text() for path in production.processes.folder.glob("python*.log")
    )
    assert f"its file {export['cacheKey']}-1.csv is not in {store.url}" in log


async def check_presigned_addresses(production: Production, store: Store) -> None:
    """Addresses of the store itself work for those who have no token."""
    await production.restart(EXPORT_PRESIGNED="true")
    export = await production.exported()
    assert export["url"].startswith(store.address)
    redirect = await production.client.get(path_of(export), headers=OWNER)
    assert redirect.status_code == 307
    assert redirect.headers["location"].startswith(store.address)
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as stranger:
        for url in (export["url"], redirect.headers["location"]):
            response = await stranger.get(url)
            assert (response.status_code, response.content) == (200, CSV)
            name = f'attachment; filename="{export["cacheKey"]}.csv"'
            assert response.headers["content-disposition"] == name
            assert response.headers["content-type"] == "text/csv; charset=utf-8"


def rejection(*command: str, **environment: str) -> tuple[int, list[str]]:
    """Runs one of our commands to its end; returns its status and what it printed."""
    return run_for_lines(sys.executable, *command, **environment)


def test_a_misspelt_bucket_is_rejected_at_start_and_not_created(
    store: Store, sqlite_url: str
) -> None:
    environment = {
        "DATABASE_URL": sqlite_url,
        "EXPORT_URL": store.missing_url,
        **store.environment,
    }
    status, lines = rejection("server.py", "serve", **environment)
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith(
        f"EXPORT_URL is {store.missing_url}: it cannot be written to: "
    )
    assert store.buckets() == ["baskets"]
    assert rejection("server.py", "user", "list", **environment) == (0, [])


@pytest.mark.parametrize(
    ("url", "has_key", "reason"),
    [
        ("s3://baskets/exports", False, "Unable to locate credentials."),
        ("s3://No Bucket/exports", True, 'Invalid bucket name "No Bucket"'),
    ],
)
def test_what_no_answer_of_a_store_can_mend_is_rejected_at_start(
    url: str, has_key: bool, reason: str, sqlite_url: str
) -> None:
    key = "key" if has_key else ""
    environment = {
        "DATABASE_URL": sqlite_url,
        "EXPORT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
    }
    status, lines = rejection("server.py", "serve", **environment)
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith("EXPORT_URL is s3://")
    assert f"it cannot be written to: {reason}" in lines[0].replace(
        "Parameter validation failed: ", ""
    )


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("abfs", "adlfs")])
def test_without_its_package_a_store_is_rejected_by_those_who_need_it(
    scheme: str, package: str, sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.modules[{package!r}] = None\n"
    )
    environment = {
        "DATABASE_URL": sqlite_url,
        "EXPORT_URL": f"{scheme}://baskets/exports",
        "PYTHONPATH": str(tmp_path),
    }
    message = (
        f"EXPORT_URL is {scheme}://baskets/exports: {scheme}:// needs the package {package}, "
        f"which is not installed: pip install {package}."
    )
    assert rejection("server.py", "serve", **environment) == (1, [message])
    assert rejection("server.py", "division", "list", **environment) == (0, [])
