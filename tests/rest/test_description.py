"""The OpenAPI description of the documented interface, compared with what a running server does."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.databases import sqlite_database
from tests.support.process import start_server, write_people_to
from tests.support.service import Service
from tests.support.shop import Shop
from tests.support.thoroughness import examples
from tests.support.waiting import TIMEOUT_SECONDS
from web.rest.router import ADDRESSES

EXAMPLES = 5
"""The examples of each operation of the interface."""
CASES = re.compile(r"(\d+) generated, (\d+) passed")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite database."""
    return sqlite_database(tmp_path)


async def description(client: httpx.AsyncClient) -> dict[str, Any]:
    """Reads the description, as everybody may."""
    response = await client.get("/api/v1/openapi.json")
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "application/json; charset=utf-8",
    )
    content: dict[str, Any] = response.json()
    return content


async def test_every_address_and_method_is_described(service: Service) -> None:
    content = await description(service.client)
    assert (content["openapi"], content["servers"]) == (
        "3.1.0",
        [{"url": "/api/v1"}, {"url": "/b2b"}],
    )
    described = {
        path: {method.upper() for method in methods}
        for path, methods in content["paths"].items()
    }
    assert described == {
        path: set(methods)
        for path, methods in ADDRESSES.items()
        if not path.startswith("/basket/my-")
    }


async def test_schemathesis_finds_no_difference_to_the_running_server(
    sqlite_url: str, shop: Shop, tmp_path: Path
) -> None:
    divisions = await write_people_to(sqlite_url)
    async with start_server(sqlite_url, shop.url, tmp_path) as server:
        await write_one_of_each(server.client, divisions["ERP02"].id)
        output = await compared(str(server.client.base_url).rstrip("/"), tmp_path)
        server.check_output()
    found = CASES.search(output)
    assert found, output
    assert found[1] == found[2]
    assert int(found[1]) > 50 * examples(EXAMPLES), output
    assert "11 selected / 11 total" in output


async def write_one_of_each(client: httpx.AsyncClient, division: int) -> None:
    """Makes a quotation, a draft, an export and an active basket, so that lists have something in them."""
    client.headers["Authorization"] = "Token main"
    for path in ("my-quotations/", "basket/save/", "basket/?format=csv"):
        for pk in (1, 3):
            line = {"product_remote_id": pk, "division": division, "quantity": 2}
            assert (await client.post("/api/v1/basket/", json=line)).status_code == 200
        method = "GET" if "format" in path else "POST"
        assert (
            await client.request(method, f"/api/v1/{path}", json={"name": "One"})
        ).status_code == 200


async def compared(address: str, folder: Path) -> str:
    """Runs schemathesis, the same each time, and returns what it says; it must find nothing.

    One of its checks is left out: that valid data is never rejected. Whether there is such a product is not for a
    schema to say.
    """
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{address}/api/v1/openapi.json",
    ]
    options = [
        "--header",
        "Authorization: Token main",
        "--checks",
        "all",
        "--max-examples",
        str(examples(EXAMPLES)),
        "--no-color",
    ]
    options += [
        "--exclude-checks",
        "positive_data_acceptance",
        "--generation-deterministic",
        "--max-redirects",
        "0",
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TIMEOUT_SECONDS):
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    return text
