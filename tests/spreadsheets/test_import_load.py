"""Large imports: one pass over Commerce, and others are served meanwhile; `scripts/bench` measures both."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import sheets
from tests.support.imports import send
from tests.support.process import Server, start_server, write_people_to
from tests.support.programs import program
from tests.support.service import BASKET, Caller, Service
from tests.support.shop import Shop

pytestmark = pytest.mark.long


READS = 10
"""How many reads of another buyer are answered while a large file is imported, at the least."""


def large_file(rows: int) -> bytes:
    """Writes an xls file of that many rows: 2,000 products, three divisions."""
    codes = ("ERP01", "ERP02", "ERP03")
    return sheets.xls(
        [[f"SKU{1000 + row % 2000}", row % 5 + 1, codes[row % 3]] for row in range(rows)]
    )


def sell_many(shop: Shop) -> None:
    """Puts the products of the large file on sale."""
    for number in range(1000, 3000):
        shop.sell(number, "10.00")


async def test_ten_thousand_rows_are_imported_with_one_pass_over_commerce(
    service: Service,
) -> None:
    sell_many(service.shop)
    content = large_file(10_000)
    payload = await send(service.main, content)
    assert (payload["report"]["rowsImported"], payload["userErrors"]) == (10_000, [])
    assert (payload["basket"]["itemCount"], payload["basket"]["totalQuantity"]) == (
        2_000,
        30_000,
    )
    assert len(service.shop.requests) == 20
    await send(service.main, content)
    assert len(service.shop.requests) == 20


READ = f"{{ activeBasket {{ ...Whole }} }} {BASKET}"


async def read_once(caller: Caller) -> None:
    """Reads a basket of 20 items."""
    data = await caller.query(READ)
    assert data["activeBasket"]["itemCount"] == 20


async def import_apart(server: Server, path: Path) -> dict[str, Any]:
    """Imports a file with curl, so that sending it does not delay the reader's side of the measurement."""
    query = "mutation ($f: Upload!) { basketImport(input: {file: $f}) { report { rowsImported } } }"
    operations = json.dumps({"query": query, "variables": {"f": None}})
    parts = [
        "-F",
        f"operations={operations}",
        "-F",
        'map={"0": ["variables.f"]}',
        "-F",
        f"0=@{path}",
    ]
    headers = ["-H", "Authorization: Token main", "-H", "X-Requested-With: curl"]
    curl = await asyncio.create_subprocess_exec(
        "curl",
        "-s",
        f"{server.client.base_url}/graphql",
        *headers,
        *parts,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await curl.communicate()
    payload: dict[str, Any] = json.loads(output)["data"]["basketImport"]
    return payload


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_others_read_on_while_a_large_file_is_imported(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    program("curl")
    sell_many(shop)
    await write_people_to(database_url)
    path = tmp_path / "large.xls"
    path.write_bytes(await asyncio.to_thread(large_file, 30_000))
    async with start_server(database_url, shop.url, tmp_path) as server:
        reader = Caller(server.client, "sub")
        items = [
            {"productRemoteId": number, "divisionErpCode": "ERP02"}
            for number in range(1000, 1020)
        ]
        await reader.accepted("basketItemsAdd", items=items)
        importing = asyncio.create_task(import_apart(server, path))
        await read_until_done(reader, importing)
        assert (await importing)["report"] == {"rowsImported": 30_000}


async def read_until_done(reader: Caller, importing: asyncio.Task[dict[str, Any]]) -> None:
    """Reads one time after the other while a file is imported; raises AssertionError if it holds the reads up."""
    reads = 0
    while not importing.done():
        await read_once(reader)
        reads += 1
    # One that waited for the import to end would be answered once.
    assert reads >= READS
