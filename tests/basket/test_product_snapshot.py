"""Submitted baskets: they show their products as they were on their day."""

from typing import Any

from tortoise.migrations.api import migrate

from models.basket.tables import BasketItem
from models.database.connection import (
    connect,
    create_configuration,
    disconnect,
    migrate_forward,
)
from models.product.tables import Product
from tests.support.exports import completed
from tests.support.rest import line as rest_line
from tests.support.rest import rest
from tests.support.service import Caller, Service, number_in, serve
from tests.support.shop import Shop

PRODUCT = (
    "product { remoteId sku name price currency variants productImage inStock refreshedAt }"
)
READ = (
    f"query ($id: ID!) {{ basket(id: $id) {{ totalAmount items {{ price {PRODUCT} }} }} }}"
)
QUOTED = f"quotations {{ edges {{ node {{ name basket {{ items {{ {PRODUCT} }} }} }} }} }}"
SUBMITTED = f"basket {{ id items {{ price {PRODUCT} }} }}"
NOW = "query ($id: Int) { product(remoteId: $id) { sku name price } }"


async def quote(caller: Caller, *products: int, name: str = "Q") -> dict[str, Any]:
    """Requests a quotation for one piece of each product and returns the submitted basket."""
    items = [{"productRemoteId": each, "divisionErpCode": "ERP02"} for each in products]
    await caller.accepted("basketItemsAdd", items=items)
    payload = await caller.change("quotationRequest", SUBMITTED, name=name)
    assert payload["userErrors"] == []
    basket: dict[str, Any] = payload["basket"]
    return basket


async def change_everything(service: Service) -> None:
    """Lets Commerce describe product 1 in another way, and the server learn it."""
    service.shop.sell(
        1,
        "99.00",
        sku="TODAY",
        name="name of today",
        attributes={"color": "blue"},
        productimage_set=[],
        currency_type="eur",
    )
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02"}]
    await service.sub.accepted("basketItemsAdd", items=items)
    await service.sub.accepted("basketRefresh")
    found = await service.main.query(NOW, id=1)
    assert found == {"product": {"sku": "TODAY", "name": "name of today", "price": "99.00"}}


async def test_a_submitted_basket_shows_the_products_of_its_day(service: Service) -> None:
    submitted = await quote(service.main, 1, 2)
    assert [item["product"]["sku"] for item in submitted["items"]] == ["SKU01", "SKU02"]
    before = await service.main.query(READ, id=submitted["id"])
    assert before["basket"]["items"] == submitted["items"]
    quoted = await service.main.query(f"{{ {QUOTED} }}")
    await change_everything(service)
    assert await service.main.query(READ, id=submitted["id"]) == before
    assert await service.main.query(f"{{ {QUOTED} }}") == quoted


async def test_each_quotation_has_the_products_of_its_own_day(service: Service) -> None:
    first = await quote(service.main, 1, name="first")
    await change_everything(service)
    second = await quote(service.main, 1, name="second")
    third = await quote(service.sub, 1)
    skus = [
        (await caller.query(READ, id=basket["id"]))["basket"]["items"][0]["product"]["sku"]
        for caller, basket in (
            (service.main, first),
            (service.main, second),
            (service.sub, third),
        )
    ]
    assert skus == ["SKU01", "TODAY", "TODAY"]


async def test_an_export_of_a_submitted_basket_has_the_products_of_its_day(
    service: Service,
) -> None:
    submitted = await quote(service.main, 1)
    await change_everything(service)
    fields = ["PRODUCT_SKU", "QUANTITY", "PRICE"]
    export = await completed(
        service.main, basketId=submitted["id"], format="CSV", fields=fields
    )
    content = (await service.client.get(export["url"])).content.decode("utf-8-sig")
    assert content.splitlines() == ["product__sku,quantity,price", "SKU01,1,10.55"]


async def test_rest_answers_a_quotation_with_the_products_of_its_day(
    service: Service,
) -> None:
    buyer = rest(service)
    await buyer.accepted("POST", "basket/", json=rest_line(service, 1, "ERP02", 1))
    headers = {"Idempotency-Key": "once"}
    given = {"json": {"name": "Q"}, "headers": headers}
    submitted = await buyer.accepted("POST", "my-quotations/", **given)
    assert submitted["basket_items"][0]["product"]["sku"] == "SKU01"
    await change_everything(service)
    assert await buyer.accepted("POST", "my-quotations/", **given) == submitted


async def test_active_baskets_and_drafts_show_todays_products(service: Service) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02"}]
    await service.main.accepted("basketItemsAdd", items=items)
    draft = await service.main.accepted("basketSave", name="Draft")
    await change_everything(service)
    found = (await service.main.query(READ, id=draft["id"]))["basket"]["items"][0]
    assert (found["price"], found["product"]["sku"]) == ("10.55", "TODAY")


async def test_a_snapshot_is_never_added_asked_for_or_refreshed(service: Service) -> None:
    submitted = await quote(service.main, 1)
    await change_everything(service)
    for key in ({"sku": "SKU01"}, {"productRemoteId": 404}):
        items = [{**key, "divisionErpCode": "ERP02"}]
        payload = await service.main.change("basketItemsAdd", "basket { id }", items=items)
        assert [error["code"] for error in payload["userErrors"]] == ["PRODUCT_NOT_FOUND"]
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02"}]
    basket = await service.main.accepted("basketItemsAdd", items=items)
    assert [item["product"]["sku"] for item in basket["items"]] == ["TODAY"]
    del service.shop.products[1]
    await service.main.accepted("basketRefresh")
    snapshots = await Product.filter(segment__lt=0)
    assert [(each.sku, each.is_available) for each in snapshots] == [("SKU01", True)]
    found = (await service.main.query(READ, id=submitted["id"]))["basket"]
    assert found["items"][0]["product"]["sku"] == "SKU01"


async def products_of(database_url: str, basket_id: str) -> list[tuple[str, bool]]:
    """Returns the SKUs of a basket's products, and whether they are snapshots."""
    await connect(database_url)
    try:
        items = BasketItem.filter(basket_id=number_in(basket_id)).order_by("id")
        # Not whole products: before, they have fewer columns.
        rows = await items.values_list("product__sku", "product__segment")
        return [(sku, segment < 0) for sku, segment in rows]
    finally:
        await disconnect()


async def test_baskets_submitted_before_snapshots_were_made_get_them(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop) as service:
        submitted = await quote(service.main, 1, 2)
    before = create_configuration(database_url, 1)
    await migrate(config=before, target="models.0004_email", direction="backward")
    await disconnect()
    found = await products_of(database_url, submitted["id"])
    assert found == [("SKU01", False), ("SKU02", False)]
    await migrate_forward(database_url)
    found = await products_of(database_url, submitted["id"])
    assert found == [("SKU01", True), ("SKU02", True)]


async def test_a_rejected_quotation_leaves_no_snapshots(service: Service) -> None:
    items = [{"productRemoteId": each, "divisionErpCode": "ERP02"} for each in (1, 2)]
    await service.main.accepted("basketItemsAdd", items=items)
    del service.shop.products[2]
    await service.main.accepted("basketRefresh")
    assert await service.main.rejected("quotationRequest", name="Q") == [
        ("BASKET_HAS_PROBLEMS", [])
    ]
    assert await Product.filter(segment__lt=0).count() == 0
