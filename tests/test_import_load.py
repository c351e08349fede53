"""Large imports: quick, set-based, and no burden on other buyers."""

import asyncio
import time
from pathlib import Path

import pytest

from tests import sheets
from tests.process import start_server, write_people_to
from tests.service import BASKET, Caller, Service
from tests.shop import Shop
from tests.test_basket_import import send

PATIENCE = 5.0
"""By how much a read may be slower, at the 99th percentile, while a large file is imported."""


def large_file(rows: int) -> bytes:
    """Writes an xls file of that many rows: 2,000 products, three divisions."""
    codes = ("ERP01", "ERP02", "ERP03")
    return sheets.xls([[f"SKU{1000 + row % 2000}", row % 5 + 1, codes[row % 3]] for row in range(rows)])


def sell_many(shop: Shop) -> None:
    """Puts the products of the large file on sale."""
    for number in range(1000, 3000):
        shop.sell(number, "10.00")


async def test_ten_thousand_rows_are_imported_in_three_seconds_with_one_pass_over_commerce(service: Service) -> None:
    sell_many(service.shop)
    content = large_file(10_000)
    payload = await send(service.main, content)
    assert (payload["report"]["rowsImported"], payload["userErrors"]) == (10_000, [])
    assert (payload["basket"]["itemCount"], payload["basket"]["totalQuantity"]) == (2_000, 30_000)
    assert len(service.shop.requests) == 20
    begin = time.monotonic()
    await send(service.main, content)
    assert time.monotonic() - begin < 3.0
    assert len(service.shop.requests) == 20


READ = f"{{ activeBasket {{ ...Whole }} }} {BASKET}"


async def read_once(caller: Caller) -> float:
    """Reads the basket and returns how many seconds it took."""
    begin = time.monotonic()
    data = await caller.query(READ)
    assert data["activeBasket"]["itemCount"] == 20
    return time.monotonic() - begin


def percentile(times: list[float], share: float) -> float:
    """Returns the time that a share of all times does not exceed."""
    return sorted(times)[int(len(times) * share)]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_reads_of_others_stay_quick_while_a_large_file_is_imported(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    sell_many(shop)
    await write_people_to(database_url)
    content = await asyncio.to_thread(large_file, 50_000)
    async with start_server(database_url, shop.url, tmp_path) as server:
        buyer, reader = Caller(server.client, "main"), Caller(server.client, "sub")
        items = [{"productRemoteId": number, "divisionErpCode": "ERP02"} for number in range(1000, 1020)]
        await reader.accepted("basketItemsAdd", items=items)
        idle = [await read_once(reader) for _ in range(300)]
        importing = asyncio.create_task(send(buyer, content, "basket { totalQuantity }"))
        busy = []
        while not importing.done():
            busy.append(await read_once(reader))
        assert (await importing)["report"]["rowsImported"] == 50_000
    assert len(busy) > 100
    assert percentile(busy, 0.99) < PATIENCE * percentile(idle, 0.99)
