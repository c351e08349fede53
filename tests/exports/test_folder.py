"""An export folder whose mount is missing is empty, and loses no export."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from application import create_application
from models.export.export import BasketExport
from models.export.files import CHECKED_AFTER
from models.timestamps import now
from settings.options import Options
from tasks.exports.marker import NOT_MOUNTED, PREFIX, is_mounted
from tasks.exports.store import open_store
from tests.support.exports import ask, completed, ended, fill, state
from tests.support.service import Service, open_client, serve
from tests.support.shop import Shop
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the sweeper sweep ten times a second."""
    monkeypatch.setattr("tasks.exports.sweeper.SWEEP_SECONDS", 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The export folder."""
    return tmp_path / "exports"


@pytest.fixture
async def service(database_url: str, shop: Shop, folder: Path) -> AsyncIterator[Service]:
    """The application, not embedded, with its exports in the folder."""
    async with serve(database_url, shop, str(folder), is_embedded=False) as served:
        yield served


def unmount(folder: Path) -> None:
    """Leaves an empty folder where the folder was."""
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def remove(folder: Path) -> None:
    """Takes the folder away, mount point and all."""
    folder.rename(folder.with_name("elsewhere"))


def mount(folder: Path) -> None:
    """Puts the folder back; nothing may have been written meanwhile."""
    if folder.exists():
        assert list(folder.iterdir()) == []
        folder.rmdir()
    folder.with_name("elsewhere").rename(folder)


def markers(folder: Path) -> list[Path]:
    """Returns the markers in the folder."""
    return list(folder.glob(f"{PREFIX}*"))


async def readiness(service: Service) -> tuple[int, str | None]:
    """Returns the status and the word for exports of the health check."""
    response = await service.client.get("/readyz")
    return response.status_code, response.json().get("exports")


async def test_the_first_use_of_a_folder_marks_it(service: Service, folder: Path) -> None:
    await eventually(lambda: bool(markers(folder)), "The marker")
    assert len(markers(folder)) == 1
    assert await readiness(service) == (200, None)


async def test_a_folder_unmounted_just_after_an_export_gets_no_other_marker(
    service: Service, folder: Path
) -> None:
    await fill(service.main)
    kept = await completed(service.main)
    await eventually(lambda: bool(markers(folder)), "The marker")
    unmount(folder)
    store = open_store(str(folder), shared=False, presigned=False, guarded=True)
    assert not await is_mounted(store)
    assert await readiness(service) == (200, NOT_MOUNTED)
    assert list(folder.iterdir()) == []
    mount(folder)
    assert await readiness(service) == (200, None)
    assert (await service.client.get(kept["url"])).status_code == 200


@pytest.mark.parametrize("lose", [unmount, remove])
async def test_nothing_is_expired_deleted_or_written_while_the_folder_is_not_mounted(
    service: Service,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    lose: Callable[[Path], None],
) -> None:
    await fill(service.main)
    kept, old = await completed(service.main), await completed(service.main)
    past = now() - timedelta(seconds=1)
    lose(folder)
    await BasketExport.all().update(finished_at=now() - CHECKED_AFTER)
    await BasketExport.filter(cache_key=old["cacheKey"]).update(
        expires_at=past, files_until=past
    )
    await eventually(lambda: "not mounted?" in caplog.text, "The line in the log")
    waiting = await ask(service.main)
    # Some sweeps pass: what must not happen can only be waited for.
    await asyncio.sleep(1)
    assert await readiness(service) == (200, NOT_MOUNTED)
    response = await service.client.get(kept["url"])
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert (await state(service.main, kept["cacheKey"]))["status"] == "COMPLETED"
    assert (await state(service.main, waiting["cacheKey"]))["status"] == "WAITING"
    assert (await BasketExport.get(cache_key=old["cacheKey"])).files_until is not None

    mount(folder)
    await BasketExport.filter(cache_key=waiting["cacheKey"]).update(resend_at=past)
    await BasketExport.filter(cache_key=old["cacheKey"]).update(files_until=past)
    assert (await ended(service.main, waiting["cacheKey"]))["status"] == "COMPLETED"
    assert (await service.client.get(kept["url"])).status_code == 200

    async def is_deleted() -> bool:
        return (await BasketExport.get(cache_key=old["cacheKey"])).files_until is None

    await eventually(is_deleted, "The deletion of the expired file")
    assert await readiness(service) == (200, None)


async def test_a_start_without_the_mount_says_so(
    database_url: str,
    shop: Shop,
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve(database_url, shop, str(folder), is_embedded=False) as service:
        await fill(service.main)
        await completed(service.main)
        await BasketExport.all().update(finished_at=now() - CHECKED_AFTER)
    (name,) = [marker.name for marker in markers(folder)]
    other = tmp_path / "mount-point"
    other.mkdir()
    options = Options(
        database_url=database_url,
        commerce_url=shop.url,
        redis_url="",
        export_url=str(other),
        is_embedded=False,
    )
    with caplog.at_level(logging.ERROR, logger="basket"):
        async with open_client(create_application(options)) as client:
            await eventually(lambda: str(other) in caplog.text, "The line in the log")
            assert (await client.get("/readyz")).json()["exports"] == NOT_MOUNTED
            assert f"neither its file {name} nor the completed exports" in caplog.text
            assert list(other.iterdir()) == []
            # Told that the files are lost, the server goes on with the new folder.
            (other / name).touch()
            await eventually(lambda: "The export has expired" in caplog.text, "The expiry")


async def test_a_folder_with_a_completed_export_is_taken_without_its_marker(
    service: Service, folder: Path
) -> None:
    await fill(service.main)
    await completed(service.main)
    await BasketExport.all().update(finished_at=now() - CHECKED_AFTER)
    for marker in markers(folder):
        marker.unlink()
    await eventually(lambda: bool(markers(folder)), "The marker")
    assert await readiness(service) == (200, None)
