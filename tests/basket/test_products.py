"""Products: when Commerce is asked, and what becomes of everything that it may do wrong."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.product.tables import Product
from models.timestamps import now
from tests.support.misbehaving_commerce import (
    Answer,
    MisbehavingCommerce,
    gzip_bomb,
    json_value,
    misbehaving_commerce,
    one_product,
    product_json,
    redirect,
    slow,
    status,
    text,
    truncated,
)
from tests.support.service import Service, serve
from tests.support.shop import Shop

LINE = {"productRemoteId": 1, "divisionErpCode": "ERP01"}


@pytest.fixture
async def commerce() -> AsyncIterator[MisbehavingCommerce]:
    """A Commerce that misbehaves."""
    async with misbehaving_commerce() as opened:
        yield opened


async def age(seconds: int) -> None:
    """Makes every known product as old as that."""
    await Product.all().update(refreshed_at=now() - timedelta(seconds=seconds))


async def test_a_product_older_than_the_setting_is_asked_for_again(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[LINE])
    service.shop.sell(1, "12.00")
    await age(290)
    fresh = await service.sub.accepted(
        "basketItemsAdd", items=[LINE | {"divisionErpCode": "ERP02"}]
    )
    assert (fresh["items"][0]["price"], len(service.shop.requests)) == ("10.55", 1)
    await service.sub.accepted("basketClear")
    await age(310)
    again = await service.sub.accepted(
        "basketItemsAdd", items=[LINE | {"divisionErpCode": "ERP02"}]
    )
    assert (again["items"][0]["price"], len(service.shop.requests)) == ("12.00", 2)
    assert (await service.main.query("{ product(remoteId: 1) { price } }")) == {
        "product": {"price": "12.00"}
    }
    assert len(service.shop.requests) == 2


async def test_an_old_product_of_the_basket_is_still_added_without_asking(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[LINE])
    await age(10_000)
    service.shop.is_down = True
    basket = await service.main.accepted("basketItemsAdd", items=[LINE])
    assert basket["totalQuantity"] == 2


BARE = {
    "pk": 1,
    "sku": "SKU01",
    "price": "10.55",
    "currency_type": "try",
    "is_ready_to_basket": True,
}

MISBEHAVIOUR: dict[str, tuple[Answer, str]] = {
    "slow": (slow(5.0, one_product()), "COMMERCE_UNAVAILABLE"),
    "broken": (status(500), "COMMERCE_UNAVAILABLE"),
    "bad gateway": (status(502), "COMMERCE_UNAVAILABLE"),
    "too many requests": (status(429, Retry_After="1"), "COMMERCE_UNAVAILABLE"),
    "forbidden": (status(403), "COMMERCE_UNAVAILABLE"),
    "HTML": (text("<html>Welcome</html>"), "COMMERCE_UNAVAILABLE"),
    "HTML called JSON": (
        text("<html>", content_type="application/json"),
        "COMMERCE_UNAVAILABLE",
    ),
    "null": (json_value(None), "COMMERCE_UNAVAILABLE"),
    "a list": (json_value([]), "COMMERCE_UNAVAILABLE"),
    "no product": (json_value({"in_stock": True}), "COMMERCE_UNAVAILABLE"),
    "no SKU": (json_value({"product": {"pk": 1}}), "COMMERCE_UNAVAILABLE"),
    "truncated": (truncated(), "COMMERCE_UNAVAILABLE"),
    "many megabytes": (gzip_bomb(50_000_000), "COMMERCE_UNAVAILABLE"),
    "a redirect loop": (redirect("/product/1/"), "COMMERCE_UNAVAILABLE"),
    "a redirect to another host": (
        redirect("http://other.invalid/product/1/"),
        "PRODUCT_NOT_FOUND",
    ),
    "unknown": (status(404), "PRODUCT_NOT_FOUND"),
    "another product": (one_product(pk=2), "PRODUCT_NOT_FOUND"),
    "not for sale": (one_product(is_ready_to_basket=False), "PRODUCT_UNAVAILABLE"),
    "no price": (
        json_value({"product": product_json() | {"price": None}}),
        "PRODUCT_UNAVAILABLE",
    ),
    "a price that is no number": (one_product(price="cheap"), "PRODUCT_UNAVAILABLE"),
    "a price that is NaN": (one_product(price="NaN"), "PRODUCT_UNAVAILABLE"),
    "a price with three decimals": (one_product(price="10.555"), "PRODUCT_UNAVAILABLE"),
    "a negative price": (one_product(price="-1.00"), "PRODUCT_UNAVAILABLE"),
    "a price beyond all limits": (one_product(price="40000000.01"), "PRODUCT_UNAVAILABLE"),
}


async def test_whatever_commerce_does_wrong_is_a_rejection_and_changes_nothing(
    database_url: str, commerce: MisbehavingCommerce
) -> None:
    async with serve(
        database_url,
        Shop(url=commerce.url),
        commerce_timeout_seconds=0.3,
        commerce_retries=1,
    ) as service:
        for name, (answer, code) in MISBEHAVIOUR.items():
            commerce.requests.clear()
            commerce.answers(answer)
            ((rejected, _),) = await service.main.rejected("basketItemsAdd", items=[LINE])
            assert (name, rejected) == (name, code)
            assert (name, commerce.requests == []) == (name, False)
            known = await Product.all().delete()
            assert (name, known) == (name, 1 if name == "not for sale" else 0)


async def test_a_rejectd_connection_is_a_rejection(database_url: str) -> None:
    async with serve(database_url, Shop(url="http://127.0.0.1:1")) as service:
        assert await service.main.rejected("basketItemsAdd", items=[LINE]) == [
            ("COMMERCE_UNAVAILABLE", [])
        ]


async def test_missing_and_extra_fields_do_no_harm(
    database_url: str, commerce: MisbehavingCommerce
) -> None:
    commerce.answers(json_value({"product": BARE | {"new": {"deep": [1]}}, "more": None}))
    async with serve(database_url, Shop(url=commerce.url)) as service:
        await service.main.accepted("basketItemsAdd", items=[LINE])
        data = await service.main.query(
            "{ product(remoteId: 1) { name variants productImage inStock } }"
        )
    assert data == {
        "product": {"name": None, "variants": {}, "productImage": None, "inStock": False}
    }


async def test_text_that_postgresql_rejects_is_cleaned(
    database_url: str, commerce: MisbehavingCommerce
) -> None:
    odd = {"name": "a\x00b \ud800", "attributes": {"c\x00": "\udfff"}}
    commerce.answers(one_product(**odd))
    async with serve(database_url, Shop(url=commerce.url)) as service:
        await service.main.accepted("basketItemsAdd", items=[LINE])
        data = await service.main.query("{ product(remoteId: 1) { sku } }")
    assert data == {"product": {"sku": "SKU01"}}
