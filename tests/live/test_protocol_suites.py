"""The server tests of graphql-ws and graphql-sse, asked of a server process by their own clients."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.databases import sqlite_database
from tests.support.node_packages import node_script
from tests.support.ports import free_port
from tests.support.process import write_people_to
from tests.support.processes import Processes
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS


@pytest.fixture
async def address(shop: Shop, tmp_path: Path) -> AsyncIterator[str]:
    """A running server with the people of the tests, which waits five seconds for a client to begin."""
    url = await asyncio.to_thread(sqlite_database, tmp_path)
    await write_people_to(url)
    settings = {"COMMERCE_URL": shop.url, "ENVIRONMENT": "test", "HOST": "127.0.0.1"}
    processes = Processes(
        tmp_path, DATABASE_URL=url, REDIS_URL="", LIVE_INIT_SECONDS="5", **settings
    )
    port = free_port()
    try:
        await asyncio.to_thread(processes.serve, port)
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        await asyncio.to_thread(processes.end)


@pytest.mark.long
async def test_every_check_of_both_suites_passes(address: str, tmp_path: Path) -> None:
    script = await asyncio.to_thread(node_script, "live_suite.mjs", tmp_path)
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", str(script), address, "main"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads(done.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert Counter(result["suite"] for result in results) == {
        "graphql-ws": 22,
        "graphql-sse": 11,
    }
