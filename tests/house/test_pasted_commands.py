"""Commands of the documentation, pasted: a newcomer's, a contributor's, and production."""

import asyncio
import json
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from models.export.export import ExportFormat, stored_name
from settings import ROOT
from tests.support.databases import sqlite_database
from tests.support.deployment import copied_to
from tests.support.exports import completed
from tests.support.http import client
from tests.support.pages import blocks, json_after, shell_block, with_values
from tests.support.ports import free_port
from tests.support.postgres_database import TEST_DATABASE_URL
from tests.support.processes import Processes, answers, in_thread, wait_until
from tests.support.programs import no_service, program, skip_when_quick
from tests.support.service import Caller
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long

PRINTED_ADDRESS = "http://127.0.0.1:8000"


def paste(block: str, folder: Path, **environment: str) -> str:
    """Runs a block in a shell, which must succeed, and returns its output."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server started by README's first command."""
    folder = tmp_path_factory.mktemp("embedded")
    database = f"sqlite://{folder / 'basket.sqlite3'}"
    processes = Processes(folder, DATABASE_URL=database, REDIS_URL="", COMMERCE_URL="")
    port = str(free_port())
    try:
        processes.start("bash", "-c", shell_block("README.md", "scripts/serve"), PORT=port)
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/readyz"), "The start of the server")
        yield address
    finally:
        processes.end()


def curl(block: str, server: str, folder: Path) -> Any:
    """Sends a printed request to a server and returns the response."""
    program("curl")
    return json.loads(paste(block.replace(PRINTED_ADDRESS, server), folder))


def clear_basket(server: str) -> None:
    """Empties the basket of the printed token."""
    document = "mutation { basketClear(input: {}) { userErrors { code } } }"
    headers = {"Authorization": "Token demo-main"}
    client().post(f"{server}/graphql", json={"query": document}, headers=headers)


def test_requests_of_readme_get_the_printed_responses(
    embedded: str, tmp_path: Path
) -> None:
    clear_basket(embedded)
    add = shell_block("README.md", "basketItemsAdd")
    assert curl(add, embedded, tmp_path) == json_after("README.md", add)
    read = shell_block("README.md", "activeBasket")
    assert curl(read, embedded, tmp_path) == json_after("README.md", read)


def test_the_printed_import_gets_the_printed_response(
    embedded: str, tmp_path: Path
) -> None:
    clear_basket(embedded)
    block = shell_block("docs/import.md", "basketImport")
    assert curl(block, embedded, tmp_path) == json_after("docs/import.md", block)


def test_the_printed_rest_request_adds(embedded: str, tmp_path: Path) -> None:
    clear_basket(embedded)
    added = curl(shell_block("docs/rest.md", "api/v1/basket/"), embedded, tmp_path)
    assert added["total_quantity"] == 2


def test_the_cost_of_a_query_is_as_printed(embedded: str) -> None:
    request = {"query": "{ viewer { email } }", "extensions": {"cost": True}}
    headers = {"Authorization": "Token demo-main"}
    response = client().post(f"{embedded}/graphql", json=request, headers=headers).json()
    (printed,) = blocks("docs/limits.md", "json")
    assert response["extensions"] == json.loads(printed)["extensions"]


def test_uvicorn_serves_with_the_printed_options(tmp_path: Path) -> None:
    processes = Processes(tmp_path, DATABASE_URL=sqlite_database(tmp_path), REDIS_URL="")
    block = shell_block("docs/deployment/process-managers.md", "uvicorn server:application")
    port = str(free_port())
    try:
        processes.start("bash", "-c", block, UVICORN_PORT=port)
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "The start")
    finally:
        processes.end()


def test_files_of_exports_are_found_among_others(tmp_path: Path) -> None:
    old = time.time() - 3 * 86_400
    ours = stored_name("0123456789abcdef" * 2, 2, ExportFormat.XLSX)
    for name in (ours, "report-2.xlsx", "basket.csv"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (old, old))
    (tmp_path / stored_name("fedcba9876543210" * 2, 1, ExportFormat.CSV)).touch()
    block = shell_block("docs/exports.md", "find /mnt/shared/exports")
    found = paste(block.replace("/mnt/shared/exports", str(tmp_path)), tmp_path)
    assert found == f"{tmp_path / ours}\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the code beside its virtual environment, in which commands may write."""
    folder = tmp_path / "copy"
    folder.mkdir()
    copied_to(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def test_the_models_need_no_further_migration(copy: Path) -> None:
    block = shell_block("docs/contributing.md", "makemigrations")
    assert "No changes detected" in paste(block, copy)


def test_the_printed_schema_is_the_committed_one(copy: Path) -> None:
    (copy / "schema" / "schema.graphql").unlink()
    paste(shell_block("docs/contributing.md", "server.py schema"), copy)
    printed = (copy / "schema" / "schema.graphql").read_text()
    assert printed == (ROOT / "schema" / "schema.graphql").read_text()


def test_a_release_is_cloned_and_the_next_one_put_beside_it(tmp_path: Path) -> None:
    program("git")
    # The environment of this run stands for the release's own, which takes long to install.
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\nln -s {ROOT / '.venv'} .venv\n")
    (hooks / "post-checkout").chmod(0o755)
    environment = {
        "GIT_TEMPLATE_DIR": str(tmp_path / "template"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://example.com/basket.git",
    }
    first = shell_block("docs/deployment/README.md", "ln -s basket-1")
    second = shell_block("docs/deployment/README.md", "ln -sfn basket-2")
    for number, block in enumerate((first, second), start=1):
        paste(block.replace("/opt", str(tmp_path)), tmp_path, **environment)
        assert (tmp_path / "basket").readlink() == Path(f"basket-{number}")
        assert (tmp_path / "basket" / "server.py").exists()


@pytest.fixture
async def new_database() -> AsyncIterator[str]:
    """The URL of an empty database of PostgreSQL, dropped afterwards."""
    skip_when_quick("PostgreSQL")
    name = f"basket_readme_{os.getpid()}"
    try:
        server = await asyncpg.connect(TEST_DATABASE_URL, timeout=60)
    except OSError:
        no_service("PostgreSQL", "TEST_DATABASE_URL", TEST_DATABASE_URL)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield urlsplit(TEST_DATABASE_URL)._replace(path=f"/{name}").geturl()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_the_production_block_serves_and_exports(
    new_database: str, shop: Shop, tmp_path: Path
) -> None:
    processes = Processes(tmp_path)
    del processes.environment["SECRET_KEY"]
    port, redis_port = free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    block = with_values(
        shell_block("README.md", "server.py work"),
        DATABASE_URL=new_database,
        REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
        EXPORT_URL=str(tmp_path / "exports"),
        COMMERCE_URL=shop.url,
        PUBLIC_URL=address,
    )
    try:
        await asyncio.to_thread(processes.redis, redis_port)
        processes.start("bash", "-euo", "pipefail", "-c", block, PORT=str(port))
        await in_thread(
            lambda: wait_until(lambda: answers(f"{address}/readyz"), "The start")
        )
        output = (tmp_path / "bash.1.log").read_text()
        (token,) = re.findall(r"^(\S{20,})$", output, re.MULTILINE)
        async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as client:
            assert (await client.get("/readyz")).json()["database"] == "ok"
            caller = Caller(client, token)
            items = [{"sku": "SKU01", "divisionErpCode": "HQ", "quantity": 3}]
            basket = await caller.accepted("basketItemsAdd", items=items)
            assert basket["totalAmount"] == "31.65"
            # The worker of the block writes it.
            export = await completed(caller, format="CSV", fields=["QUANTITY"])
            download = await client.get(export["url"])
            assert download.text == "\ufeffquantity\r\n3\r\n"
    finally:
        processes.end()
