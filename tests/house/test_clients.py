"""The page of the clients: every block for npm and Python runs as it stands against a real server."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import ROOT
from tests.support.databases import sqlite_database
from tests.support.node_packages import node_modules, node_script
from tests.support.process import start_server, write_people_to
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SHEET = "product__sku,quantity,division__erp_code\nSKU01,3,ERP01\n"
LINES = """1 SKU1O PRODUCT_NOT_FOUND
2 SKU02 INVALID_QUANTITY
2
3 1 9
2 0 9
2 3
true 1 0
"""
TYPED = """
import { graphql } from "../generated";
export const BASKET = graphql(`query TypedBasket { activeBasket { totalAmount updatedAt } }`);
"""


@pytest.fixture
async def address(shop: Shop, tmp_path: Path) -> AsyncIterator[str]:
    """A running server with the people of the tests."""
    url = await asyncio.to_thread(sqlite_database, tmp_path)
    await write_people_to(url)
    async with start_server(url, shop.url, tmp_path) as server:
        yield f"{server.client.base_url}/graphql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page, the schema, and the npm packages."""
    folder = tmp_path / "client"
    folder.mkdir()
    (folder / "node_modules").symlink_to(node_modules())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "package.json").write_text("{}")
    (folder / "basket.csv").write_text(SHEET)
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    return folder


async def run(folder: Path, *command: str, address: str = "") -> str:
    """Runs a command in the folder, which must succeed, and returns what it prints."""
    environment = os.environ | {"BASKET_URL": address, "BASKET_TOKEN": "main"}
    environment["PATH"] = f"{folder / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def test_every_file_of_the_page_has_a_test() -> None:
    # tests/live/test_clients.py runs those of live baskets, and
    # tests/documents/test_document_clients.py those of trusted documents.
    others = ("live-", "live_", "codegen-", "src/persisted", "persisted-query", "apollo-")
    assert {name for name in FILES if not name.startswith(others)} == {
        "persisted.mjs",
        "apollo.mjs",
        "urql.mjs",
        "relay.config.json",
        "src/relay.js",
        "codegen.ts",
        "gql_client.py",
        "upload.mjs",
        "delta.mjs",
        "lines.mjs",
        "not_modified.mjs",
    }


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("apollo.mjs", "0 21.10\n"),
        ("persisted.mjs", "main@example.invalid\n"),
        ("urql.mjs", "1\n3\n"),
        ("upload.mjs", "1\n"),
        ("delta.mjs", "1 2 2 30.55\n"),
        ("lines.mjs", LINES),
        ("not_modified.mjs", "true true\n"),
    ],
)
async def test_a_module_of_javascript_runs(
    name: str, printed: str, folder: Path, address: str
) -> None:
    assert await run(folder, "node", name, address=address) == printed


async def test_relay_compiles_runs_and_never_merges_two_objects(
    folder: Path, address: str
) -> None:
    assert await run(folder, "node", "urql.mjs", address=address) == "1\n3\n"
    await run(folder, "relay-compiler")
    node_script("relay_build.mjs", folder)
    await run(folder, "node", "relay_build.mjs")
    assert await run(folder, "node", "relay.mjs", address=address) == "true\n"


async def test_generated_types_know_the_scalars(folder: Path) -> None:
    shutil.rmtree(folder / "src")
    (folder / "src").mkdir()
    (folder / "src" / "basket.ts").write_text(TYPED)
    await run(folder, "graphql-codegen", "--config", "codegen.ts")
    generated = (folder / "generated" / "graphql.ts").read_text()
    assert (
        "TypedBasketQuery = { activeBasket: { totalAmount: string, updatedAt: string } | null };"
        in generated
    )
    options = "--noEmit --strict --skipLibCheck --moduleResolution bundler --module esnext --target es2022"
    await run(folder, "tsc", *options.split(), "src/basket.ts")


async def test_python_adds_once_and_uploads(folder: Path, address: str) -> None:
    assert (
        await run(folder, sys.executable, "gql_client.py", address=address) == "21.10\n1\n"
    )
