"""A backup of the database, taken and restored with the commands of docs/backup.md."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from application import create_application
from models.export.export import BasketExport
from models.export.files import CHECKED_AFTER
from models.timestamps import now
from settings.options import Options
from tests.support.databases import sqlite_database
from tests.support.exports import ask, completed, ended, files_of, fill, state
from tests.support.pages import shell_block
from tests.support.postgres_database import TEST_DATABASE_URL
from tests.support.programs import program
from tests.support.service import Service, open_client, serve
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS


@pytest.fixture
async def restored_name() -> AsyncIterator[str]:
    """The name of a database that does not exist yet and is dropped afterwards."""
    name = f"basket_restored_{os.getpid()}"
    yield name
    server = await asyncpg.connect(TEST_DATABASE_URL)
    await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await server.close()


def run_documented_commands(database_url: str, restored: str, folder: Path) -> None:
    """Takes the backup and restores it to a new database."""
    for name in ("pg_dump", "createdb", "pg_restore"):
        program(name)
    server = urlsplit(TEST_DATABASE_URL)
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "PGHOST": server.hostname or "",
        "PGPORT": str(server.port or 5432),
        "PGUSER": server.username or "",
        "PGPASSWORD": server.password or "",
    }
    commands = shell_block("docs/backup.md", "pg_dump").splitlines()
    assert [command.split()[0] for command in commands] == [
        "pg_dump",
        "createdb",
        "pg_restore",
    ]
    for command in commands:
        text = command.replace("basket_restored", restored)
        subprocess.run(
            ["bash", "-c", text],
            cwd=folder,
            env=environment,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )


@pytest.mark.long
async def test_a_restored_database_serves_and_expires_exports_without_their_files(
    postgres_url: str,
    restored_name: str,
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serve(postgres_url, shop, str(tmp_path / "exports")) as service:
        await fill(service.main)
        done = await completed(service.main, format="CSV")
        with monkeypatch.context() as patched:
            patched.setattr(
                "tasks.exports.sending.ExportSender.send", lambda sender, ids: None
            )
            waiting = await ask(service.main, format="CSV")
            old = now() - CHECKED_AFTER
            await BasketExport.filter(cache_key=done["cacheKey"]).update(finished_at=old)
            await asyncio.to_thread(
                run_documented_commands, postgres_url, restored_name, tmp_path
            )
        basket = await service.main.basket()
    url = urlsplit(postgres_url)._replace(path=f"/{restored_name}").geturl()
    elsewhere = str(tmp_path / "elsewhere")
    application = create_application(
        Options(database_url=url, commerce_url=shop.url, redis_url="", export_url=elsewhere)
    )
    async with open_client(application) as client:
        service = Service(client, shop, {})
        assert await service.main.basket() == basket
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (await state(service.main, done["cacheKey"]))["status"] != "EXPIRED":
                await asyncio.sleep(0.1)
        await BasketExport.filter(cache_key=waiting["cacheKey"]).update(
            resend_at=now() - timedelta(seconds=1)
        )
        assert (await ended(service.main, waiting["cacheKey"]))["status"] == "COMPLETED"
    assert files_of(tmp_path / "elsewhere") == [f"{waiting['cacheKey']}-1.csv"]


async def test_a_backup_of_sqlite_holds_what_was_committed(
    shop: Shop, tmp_path: Path
) -> None:
    program("sqlite3")
    (tmp_path / "var").mkdir()
    url = sqlite_database(tmp_path / "var")
    file = Path(url.removeprefix("sqlite://"))
    async with serve(url, shop, str(tmp_path / "exports")) as service:
        await fill(service.main)
        block = shell_block("docs/backup.md", "sqlite3").replace(
            "basket.sqlite3", file.name
        )
        await asyncio.to_thread(
            subprocess.run,
            ["bash", "-c", block],
            cwd=tmp_path,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    with closing(sqlite3.connect(tmp_path / "basket.backup.sqlite3")) as backup:
        quantities = backup.execute("SELECT quantity FROM basket_item_division").fetchall()
    assert sorted(quantities) == [(2,), (3,), (4,)]
