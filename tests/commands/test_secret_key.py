"""The keys of download addresses: a list, the newest first, so that old addresses stay valid."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from application import create_application
from settings.options import Options
from settings.secret import Secret
from tests.support.exports import completed
from tests.support.service import Caller, open_client, write_people
from tests.support.shop import Shop

OLD, NEW, OTHER = (Secret(letter * 32) for letter in "one")


@asynccontextmanager
async def serve_with(
    shop: Shop, database_url: str, folder: Path, *keys: Secret
) -> AsyncIterator[httpx.AsyncClient]:
    """Runs the application with these keys, always on the same database and files."""
    options = Options(
        database_url=database_url,
        commerce_url=shop.url,
        redis_url="",
        export_url=str(folder),
        secret_keys=keys,
    )
    async with open_client(create_application(options)) as client:
        yield client


async def export(client: httpx.AsyncClient) -> str:
    """Returns the address of a new export."""
    return str((await completed(Caller(client, "main"), format="CSV"))["url"])


async def status(client: httpx.AsyncClient, url: str) -> int:
    """Returns how a download without a token is answered."""
    parts = urlsplit(url)
    return (await client.get(f"{parts.path}?{parts.query}")).status_code


async def test_an_address_works_as_long_as_its_key_is_in_the_list(
    shop: Shop, database_url: str, tmp_path: Path
) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}]
    shop.sell(1, "1.00")
    async with serve_with(shop, database_url, tmp_path, OLD) as client:
        await write_people()
        await Caller(client, "main").accepted("basketItemsAdd", items=items)
        old = await export(client)
    async with serve_with(shop, database_url, tmp_path, NEW, OLD) as client:
        new = await export(client)
        assert [await status(client, url) for url in (old, new)] == [200, 200]
    async with serve_with(shop, database_url, tmp_path, OLD) as client:
        assert [await status(client, url) for url in (old, new)] == [200, 401]
    async with serve_with(shop, database_url, tmp_path, OTHER, NEW) as client:
        assert [await status(client, url) for url in (old, new)] == [401, 200]
