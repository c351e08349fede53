"""The audits of the GraphQL over HTTP specification, run by Node against a server process."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import sqlite_database
from tests.support.node_packages import node_script
from tests.support.process import start_server, write_people_to
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS


def run_audits(script: Path, address: str, accept: str) -> list[dict[str, Any]]:
    """Runs the audits and returns their results."""
    command = ["node", str(script), f"{address}/graphql", "main", accept]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


@pytest.fixture
async def address(shop: Shop, tmp_path: Path) -> AsyncIterator[str]:
    """A running server with the people of the tests."""
    url = await asyncio.to_thread(sqlite_database, tmp_path)
    await write_people_to(url)
    async with start_server(url, shop.url, tmp_path) as server:
        yield str(server.client.base_url)


async def test_every_audit_passes_with_every_media_type(
    address: str, tmp_path: Path
) -> None:
    script = await asyncio.to_thread(node_script, "graphql_http_audits.mjs", tmp_path)
    for accept in ("none", "application/json", "application/graphql-response+json"):
        results = await asyncio.to_thread(run_audits, script, address, accept)
        assert len(results) == 61
        failed = [result for result in results if result["status"] != "ok"]
        # One audit sends no Accept and expects JSON for that: it has nothing to say where we add one.
        asked = [
            result
            for result in failed
            if accept == "application/graphql-response+json" and result["id"] == "80D8"
        ]
        assert [result for result in failed if result not in asked] == []
    assert Counter(result["name"].split()[0] for result in results) == {
        "MUST": 13,
        "SHOULD": 23,
        "MAY": 25,
    }
