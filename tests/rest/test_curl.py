"""The requests of the documentation, sent with curl as they are printed there, to a real server process."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from models.division import Division
from tests.support import sheets
from tests.support.databases import sqlite_database
from tests.support.process import start_server, write_people_to
from tests.support.programs import program
from tests.support.rest import ADDED, BARE, EMPTIED, LISTED, UPDATED, printed
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

ADD = """curl --request POST --location 'https://{COMMERCE_URL}/b2b/basket/' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Token {token}' \\
--data '{
    "product_remote_id": 1,
    "division": 10,
    "quantity": 3
}'"""
UPDATE = """curl --request PUT --location  '{B2B_Backend_URL}/api/v1/basket/' \\
--header 'Authorization: Token {Token}' \\
--header 'Content-Type: application/json' \\
--data '{
    "product_remote_id": 1,
    "division": 13,
    "quantity": 0
}'"""
LIST = """curl --request GET --location  '{B2B_Backend_URL}/api/v1/basket/' \\
--header 'Authorization: Token {Token}' \\
"""
DELETE = """curl --request DELETE --location '{B2B_Backend_URL}/api/v1/basket/' \\
--header 'Authorization: Token {Token}' \\
--header 'Content-Type: application/json' \\
--data '{
    "product_remote_id": 2
}'"""
DRAFTS = """curl --request GET --location  '{B2B_Backend_URL}/api/v1/basket/drafts/' \\
--header 'Authorization: Token {Token}' \\
"""
SAVE = """curl --request POST --location '{B2B_Backend_URL}/api/v1/basket/save/' \\
--header 'Authorization: Token {Token}' \\
--header 'Content-Type: application/json' \\
--data '{
    "name": "Basket 1"
}'"""
LOAD = """curl --request POST --location '{B2B_Backend_URL}/api/v1/basket/<basket_id>/load/' \\
--header 'Authorization: Token {Token}' \\
--header 'Content-Type: application/json' \\
--data '{}'"""
IMPORT = """curl --location '{B2B_Backend_URL}/api/v1/basket/bulk-import/' \\
--header 'Authorization: Token {token}' \\
--form 'filename=@"bulk-import-basket.xls"'"""
EXPORT = """curl --location '{B2B_Backend_URL}/api/v1/basket/?fields=division__erp_code
&fields=product__sku
' \\
--header 'Authorization: Token {token}'"""
STATUS = """curl --location '{B2B_Backend_URL}/api/v1/basket/?status_cache_key=8381f01436160bb756c805c5e3c25358' \\
--header 'Authorization: Token {token}'"""

Shape = Any


def shape_of(value: Any) -> Shape:
    """Returns what a JSON value is made of: keys in their order, and types; amounts are texts of their own kind."""
    if isinstance(value, dict):
        return [(key, shape_of(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape_of(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(r"\d+\.\d\d", value):
        return "amount"
    return type(value).__name__


class Curl:
    """curl, with the places in the documentation's lines filled in."""

    def __init__(self, address: str, folder: Path, divisions: dict[str, Division]) -> None:
        self.address = address
        self.folder = folder
        self.main, self.sub = divisions["ERP01"].id, divisions["ERP02"].id

    async def send(self, line: str, **changes: object) -> str:
        """Runs a line, with more changes to its JSON body, and returns what it prints; it must be accepted."""
        for place in ("https://{COMMERCE_URL}", "{B2B_Backend_URL}"):
            line = line.replace(place, self.address)
        line = line.replace("{Token}", "main").replace("{token}", "main")
        line = re.sub(r'"division": 1[03]', f'"division": {self.main}', line)
        for name, value in changes.items():
            line = re.sub(rf'"{name}": \d+', f'"{name}": {value}', line)
        return await self._run(
            line.replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
        )

    async def _run(self, line: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            line,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, (line, output, errors)
        return output.decode()

    def printed(self, example: object, basket: int) -> str:
        """Writes an example with the identifiers of this server."""
        return printed(example, basket=basket, main=self.main, sub=self.sub)

    async def completed(self, key: str) -> str:
        """Asks how far an export is until it is completed, and returns the answer."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                answer = await self.send(
                    STATUS.replace("8381f01436160bb756c805c5e3c25358", key)
                )
                if json.loads(answer)["status"] == "completed":
                    return answer
                await asyncio.sleep(0.1)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite database."""
    return sqlite_database(tmp_path)


async def test_every_line_of_the_documentation_answers_as_printed(
    sqlite_url: str, shop: Shop, tmp_path: Path
) -> None:
    program("curl")
    shop.sell(1, "10.55", **BARE)
    shop.sell(2, "20.00", **BARE)
    divisions = await write_people_to(sqlite_url)
    async with start_server(sqlite_url, shop.url, tmp_path) as server:
        curl = Curl(str(server.client.base_url).rstrip("/"), tmp_path, divisions)
        await items_answer_as_printed(curl)
        await drafts_answer_as_printed(curl)
        await files_answer_as_printed(curl)
        server.check_output()


async def items_answer_as_printed(curl: Curl) -> None:
    """Sends the lines that change and list items."""
    await curl.send(ADD, division=curl.sub, quantity=2)
    await curl.send(ADD, product_remote_id=2, division=curl.sub, quantity=2)
    await curl.send(ADD, product_remote_id=3, quantity=1)
    added = json.loads(await curl.send(ADD))
    assert shape_of(added) == shape_of(ADDED | {"id": 7} | with_numbers(ADDED))
    assert (added["total_amount"], added["total_quantity"]) == ("102.75", 8)
    await curl.send(UPDATE, quantity=1)
    await curl.send(DELETE, product_remote_id=3)
    assert await curl.send(LIST) == curl.printed(LISTED, added["id"])
    assert await curl.send(UPDATE) == curl.printed(UPDATED, added["id"])
    await curl.send(DELETE, product_remote_id=1)
    assert await curl.send(DELETE) == curl.printed(EMPTIED, added["id"])


def with_numbers(example: dict[str, Any]) -> dict[str, Any]:
    """Returns the items of an example with numbers for the identifiers of divisions."""
    text = (
        json.dumps(example["basket_items"])
        .replace('"id": "main"', '"id": 10')
        .replace('"id": "sub"', '"id": 11')
    )
    return {"basket_items": json.loads(text)}


async def drafts_answer_as_printed(curl: Curl) -> None:
    """Sends the lines that save, list and load; the active basket is empty."""
    unnamed = [json.loads(await curl.send(SAVE.partition("--data")[0]))["id"]]
    await curl.send(ADD)
    await curl.send(DELETE, product_remote_id=1)
    unnamed.append(json.loads(await curl.send(SAVE.partition("--data")[0]))["id"])
    drafts = [
        {"id": key, "name": None, "total_amount": 0, "total_quantity": 0}
        for key in reversed(unnamed)
    ]
    assert await curl.send(DRAFTS) == printed(drafts)
    await curl.send(ADD)
    saved = await curl.send(SAVE)
    assert shape_of(json.loads(saved)) == shape_of(
        json.loads(await curl.send(LIST)) | json.loads(saved)
    )
    named = {
        "id": json.loads(saved)["id"],
        "name": "Basket 1",
        "total_amount": 31.65,
        "total_quantity": 3,
    }
    assert await curl.send(DRAFTS) == printed([named, *drafts])
    assert await curl.send(LOAD.replace("<basket_id>", str(named["id"]))) == saved
    assert await curl.send(LIST) == saved


async def files_answer_as_printed(curl: Curl) -> None:
    """Sends the lines that import and export; curl takes no line break in an address, so it is written as %0A."""
    (curl.folder / "bulk-import-basket.xls").write_bytes(
        sheets.xls([["SKU02", 2, "ERP02"]])
    )
    assert await curl.send(IMPORT) == '{"message":"File imported successfully."}'
    for line in (
        EXPORT.replace("\n&", "%0A&").replace("\n'", "%0A'"),
        EXPORT.replace("\n&", "&").replace("\n'", "'"),
    ):
        answer = await curl.send(line)
        key = json.loads(answer)["cache_key"]
        assert answer == f'{{"cache_key":"{key}"}}'
        assert re.fullmatch("[0-9a-f]{32}", key)
        state = await curl.completed(key)
        address = rf"http://[^/]+/export_file/{key}\.xls\?signature=[^\"]+"
        assert re.fullmatch(
            rf'{{"is_ready":true,"url":"{address}","status":"completed"}}', state
        )
