"""Files that this service did not write stay in the export store, whatever their name and age."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from models.basket.tables import Basket
from models.export.export import BasketExport, ExportStatus
from models.timestamps import now
from models.user import User
from tests.support.databases import sqlite_database
from tests.support.exports import ask, completed, ended, fill, state
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

KEY = "0123456789abcdef0123456789abcdef"
FOREIGN = (
    "server.py", "README.md", "report.csv", "basket.xls", ".hidden", "export",
    f"{KEY}.csv", f"{KEY}-1.csv", f"{KEY}-1.xls", f"{KEY}-1.xlsx", f"{KEY}.xls.{KEY}.part",
    f"{KEY}-1.csv.part", f"basket-check-{KEY}", "sub/inner.csv", f"sub/{KEY}-1.csv",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every sweep do all that a sweep ever does."""
    monkeypatch.setattr("tasks.exports.sweeper.SWEEP_SECONDS", 0.1)
    monkeypatch.setattr("tasks.exports.sweeper.CLEAN_EVERY", timedelta(0))


def near_names(export: dict[str, Any]) -> list[str]:
    """Returns names of foreign files that are as near to those of an export as can be."""
    key = export["cacheKey"]
    return [
        f"{key}.csv",
        f"{key}-0.csv",
        f"{key}-2.csv",
        f"{key}-1.xls",
        f"{key}-1.csv~",
        f"x{key}-1.csv",
    ]


class Folder:
    """A folder with foreign files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = str(path)

    def write(self, name: str, age: float) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        os.utime(file, (time.time() - age, time.time() - age))

    def names(self) -> set[str]:
        files = [file for file in self.path.rglob("*") if file.is_file()]
        return {str(file.relative_to(self.path)) for file in files}


class Memory:
    """A bucket in memory, or a prefix in it, with foreign files."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.storage = MemoryFileSystem()
        self.root = url.removeprefix("memory:/").rstrip("/")

    def write(self, name: str, age: float) -> None:
        self.storage.pipe_file(f"{self.root}/{name}", name.encode())
        self.storage.store[f"{self.root}/{name}"].modified = now() - timedelta(seconds=age)

    def names(self) -> set[str]:
        return {
            path.removeprefix(f"{self.root}/")
            for path in self.storage.find(self.root or "/")
        }


@pytest.fixture(params=["folder", "prefix", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A store full of foreign files, older and newer than any export is kept."""
    if request.param == "folder":
        store: Folder | Memory = Folder(tmp_path / "shared")
    else:
        store = Memory(
            "memory://bucket/prefix" if request.param == "prefix" else "memory://bucket"
        )
        MemoryFileSystem.store.clear()
    for number, name in enumerate(FOREIGN):
        store.write(name, age=400 * 86_400 if number % 2 else 0)
    yield store
    MemoryFileSystem.store.clear()


@pytest.fixture
async def service(place: Any, shop: Shop, tmp_path: Path) -> AsyncIterator[Service]:
    """The application with its exports among the foreign files."""
    database_url = await asyncio.to_thread(sqlite_database, tmp_path)
    async with serve(database_url, shop, place.url) as served:
        yield served


async def expire(service: Service, export: dict[str, Any]) -> None:
    """Lets the time of an export pass, and waits until it has expired."""
    past = now() - timedelta(seconds=1)
    await BasketExport.filter(cache_key=export["cacheKey"]).update(
        expires_at=past, files_until=past
    )
    await until(lambda: _has_expired(service, export))


async def _has_expired(service: Service, export: dict[str, Any]) -> bool:
    return bool((await state(service.main, export["cacheKey"]))["status"] == "EXPIRED")


async def until(is_true: Any) -> None:
    """Waits until a condition holds."""
    limit = time.monotonic() + TIMEOUT_SECONDS
    while not await is_true():
        assert time.monotonic() < limit
        await asyncio.sleep(0.02)


async def test_only_the_file_of_the_expired_export_is_deleted_and_the_deletion_is_logged(
    service: Service, place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(service.main)
    with caplog.at_level(logging.INFO, logger="basket"):
        export = await completed(service.main, format="CSV")
        for name in near_names(export):
            place.write(name, age=400 * 86_400)
        before = place.names()
        assert before == {*FOREIGN, *near_names(export), f"{export['cacheKey']}-1.csv"}
        await expire(service, export)
    assert before - place.names() == {f"{export['cacheKey']}-1.csv"}
    deleted = [message for message in caplog.messages if message.startswith("Deleted")]
    assert deleted == [f"Deleted the file {export['cacheKey']}-1.csv from {place.url}."]


async def test_a_failed_export_takes_only_its_own_attempts_with_it(
    service: Service, place: Any
) -> None:
    await fill(service.main)
    export = await completed(service.main, format="CSV")
    key = export["cacheKey"]
    place.write(f"{key}-2.csv", age=0)
    place.write(f"{key}-3.csv", age=0)
    await BasketExport.all().update(status=ExportStatus.FAILED, begun=2, files_until=now())

    async def is_clean() -> bool:
        return (await BasketExport.get()).files_until is None

    await until(is_clean)
    assert place.names() == {*FOREIGN, f"{key}-3.csv"}


async def test_the_file_of_a_deleted_user_is_deleted_in_its_time(
    service: Service, place: Any
) -> None:
    await fill(service.main)
    export = await completed(service.main, format="CSV")
    user = await User.get(email="main@example.invalid")
    await Basket.filter(user_id=user.id).delete()
    await user.delete()
    past = now() - timedelta(seconds=1)
    await BasketExport.all().update(expires_at=past, files_until=past)

    async def is_gone() -> bool:
        return bool(place.names() == set(FOREIGN))

    await until(is_gone)
    assert (await service.client.get(export["url"])).status_code == 410


async def test_starting_and_sweeping_leave_a_store_as_it_was(
    service: Service, place: Any
) -> None:
    await fill(service.main)
    exports = [await ask(service.main, format="CSV") for _ in range(3)]
    done = [await ended(service.main, export["cacheKey"]) for export in exports]
    assert {export["status"] for export in done} == {"COMPLETED"}
    assert place.names() - set(FOREIGN) == {
        f"{export['cacheKey']}-1.csv" for export in done
    }
