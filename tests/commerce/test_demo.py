"""The demo Commerce server keeps the contract of the real one."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from commerce.catalogue import catalogue
from commerce.client import CommerceClient, CommerceProduct
from commerce.demo import create_demo, serve_demo

LIST_PATH = "/api/v1/data-warehouse/products/"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve_demo() as address:
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[CommerceClient]:
    async with CommerceClient(url) as opened:
        yield opened


async def get(url: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, allow_redirects=False) as response,
    ):
        return response.status, await response.json()


async def test_the_worked_example_is_in_the_catalogue(client: CommerceClient) -> None:
    plain: dict[str, Any] = {
        "currency": "try",
        "variants": {},
        "product_image": None,
        "in_stock": True,
        "stock": 50,
        "is_available": True,
    }
    pen = "Ballpoint pen, blue"
    assert await client.products(skus=["SKU01", "SKU02", "SKU03"]) == [
        CommerceProduct(
            remote_id=1, sku="SKU01", name=pen, price=Decimal("10.55"), **plain
        ),
        CommerceProduct(
            remote_id=2, sku="SKU02", name=None, price=Decimal("20.00"), **plain
        ),
        CommerceProduct(
            remote_id=3,
            sku="SKU03",
            name="product name",
            price=Decimal("10.00"),
            currency="try",
            variants={"color": "red"},
            product_image="http://example.com/image.jpg",
            in_stock=True,
            stock=50,
            is_available=True,
        ),
    ]


async def test_every_product_reads_the_same_by_id_and_by_sku(
    client: CommerceClient,
) -> None:
    entries = [entry for entry in catalogue().values() if entry.parent_remote_id is None]
    by_id = await client.products(
        remote_ids=[entry.remote_id for entry in entries if entry.remote_id != 4]
    )
    by_sku = await client.products(
        skus=[entry.sku for entry in entries if entry.remote_id != 4]
    )
    assert len(by_id) == 1220
    assert all(isinstance(product, CommerceProduct) for product in by_id)
    assert sorted(by_id, key=lambda product: product.remote_id) == sorted(
        by_sku, key=lambda product: product.remote_id
    )


def test_the_catalogue_is_varied() -> None:
    entries = catalogue().values()
    assert len(entries) == 1224
    assert len({entry.sku for entry in entries}) == 1224
    assert {entry.currency for entry in entries} == {"try", "eur"}
    assert sum(entry.name is None for entry in entries) == 32
    assert sum(not entry.images for entry in entries) == 116
    assert sum(not entry.attributes for entry in entries) == 94
    assert sum(not entry.is_ready for entry in entries) == 9
    assert sum(entry.stock == 0 for entry in entries) == 16


async def test_one_product_reads_as_it_is_listed(client: CommerceClient) -> None:
    for remote_id in (1, 3, 11, 101, 500):
        assert [await client.product(remote_id)] == await client.products(
            remote_ids=[remote_id]
        )


@pytest.mark.parametrize("remote_id", [21, 22, 23, 50, 999_999, 2**31 - 1])
async def test_what_is_not_sold_by_itself_is_unknown(
    client: CommerceClient, remote_id: int
) -> None:
    assert await client.product(remote_id) is None
    assert await client.products(remote_ids=[remote_id]) == []


async def test_a_variant_redirects_to_its_parent(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/product/21/", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/product/20/")


@pytest.mark.parametrize(
    ("remote_id", "is_available", "in_stock"), [(24, False, True), (27, True, False)]
)
async def test_some_products_are_not_ready_or_out_of_stock(
    client: CommerceClient, remote_id: int, is_available: bool, in_stock: bool
) -> None:
    product = await client.product(remote_id)
    assert isinstance(product, CommerceProduct)
    assert (product.is_available, product.in_stock) == (is_available, in_stock)


async def test_a_parent_is_in_stock_when_a_variant_is(client: CommerceClient) -> None:
    parent = await client.product(20)
    (listed,) = await client.products(remote_ids=[20])
    assert isinstance(parent, CommerceProduct)
    assert isinstance(listed, CommerceProduct)
    assert (parent.in_stock, listed.in_stock) == (True, False)


@pytest.mark.parametrize(
    ("remote_id", "name"),
    [
        (5, "=1+1"),
        (6, "+90 212 555 01 01 order line card"),
        (12, "İş güvenliği gözlüğü, şeffaf"),
    ],
)
async def test_some_names_are_odd(
    client: CommerceClient, remote_id: int, name: str
) -> None:
    product = await client.product(remote_id)
    assert isinstance(product, CommerceProduct)
    assert product.name == name


@pytest.mark.parametrize(
    ("segment", "price"),
    [
        (None, "10.55"),
        (0, "10.55"),
        (1, "10.44"),
        (10, "9.50"),
        (30, "7.39"),
        (31, "7.39"),
        (2**31 - 1, "7.39"),
    ],
)
async def test_a_segment_has_its_own_prices(
    client: CommerceClient, segment: int | None, price: str
) -> None:
    one = await client.product(1, segment_remote_id=segment)
    (listed,) = await client.products(remote_ids=[1], segment_remote_id=segment)
    assert isinstance(one, CommerceProduct)
    assert str(one.price) == price
    assert listed == one


async def test_one_price_changes_every_minute() -> None:
    now = [0.0]
    runner = web.AppRunner(create_demo(clock=lambda: now[0]), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    prices = []
    async with CommerceClient(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        for now[0] in (0.0, 59.9, 60.0, 3599.0, 3600.0):
            product = await client.product(4)
            assert isinstance(product, CommerceProduct)
            prices.append(str(product.price))
    await runner.cleanup()
    assert prices == ["40.00", "40.00", "40.05", "42.95", "40.00"]


async def test_a_list_has_pages(url: str) -> None:
    question = f"{url}{LIST_PATH}?sku__in=SKU01,SKU02,SKU03,UNKNOWN&limit=2"
    _, first = await get(question)
    _, last = await get(first["next"])
    assert [product["pk"] for product in first["results"]] == [1, 2]
    assert [product["pk"] for product in last["results"]] == [3]
    assert (first["count"], first["previous"]) == (3, None)
    assert (last["count"], last["next"]) == (3, None)
    assert (await get(last["previous"]))[1]["results"] == first["results"]


async def test_a_page_holds_a_hundred_products_at_most(url: str) -> None:
    _, everything = await get(f"{url}{LIST_PATH}?limit=5000")
    assert everything["count"] == 1221
    assert len(everything["results"]) == 100


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("page=0", 400),
        ("page=x", 400),
        ("limit=-1", 400),
        ("segment=a", 400),
        ("pk__in=1,a", 400),
        ("pk__in=" + ",".join(["1"] * 101), 400),
        ("sku__in=" + ",".join(["A"] * 101), 400),
        ("page=1000", 404),
    ],
)
async def test_a_question_that_makes_no_sense_is_rejected(
    url: str, query: str, status: int
) -> None:
    answered, body = await get(f"{url}{LIST_PATH}?{query}")
    assert answered == status
    assert list(body) == ["detail"]


async def test_the_demo_sells_its_whole_catalogue_as_soon_as_it_listens() -> None:
    catalogue.cache_clear()
    async with serve_demo():
        assert len(catalogue()) == 1224
