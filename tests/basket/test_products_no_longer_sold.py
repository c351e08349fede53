"""Products that Commerce has said it no longer sells, and SKUs that it moved to other products."""

from datetime import timedelta
from typing import Any

import pytest

from models.product.tables import Product
from models.timestamps import now
from tests.support import sheets
from tests.support.imports import send
from tests.support.rest import line as rest_line
from tests.support.rest import rest
from tests.support.service import Caller, Service, serve
from tests.support.shop import Shop


def line(product: int | str, erp_code: str = "ERP02", quantity: int = 1) -> dict[str, Any]:
    """Writes a line of an addition that names its product by either key."""
    key = "productRemoteId" if isinstance(product, int) else "sku"
    return {key: product, "divisionErpCode": erp_code, "quantity": quantity}


async def add(caller: Caller, *lines: dict[str, Any]) -> dict[str, Any]:
    """Adds lines that must be accepted."""
    return await caller.accepted("basketItemsAdd", items=list(lines))


async def age(seconds: int, **chosen: Any) -> None:
    """Makes known products as old as that."""
    await Product.filter(**chosen).update(refreshed_at=now() - timedelta(seconds=seconds))


def held(basket: dict[str, Any]) -> dict[int, int]:
    """Returns the quantities of a basket by remote id."""
    return {item["productRemoteId"]: item["quantity"] for item in basket["items"]}


WAYS = ["not ready", "gone", "no price"]


@pytest.fixture(params=WAYS)
async def withdrawn(request: pytest.FixtureRequest, service: Service) -> Service:
    """The service, with a basket of products 1 and 2, of which Commerce no longer sells 1."""
    await add(service.main, line(1, quantity=5), line(2))
    await say(service, request.param)
    payload = await service.main.change("basketRefresh", "unavailable { productRemoteId }")
    assert payload["unavailable"] == [{"productRemoteId": 1}]
    return service


async def say(service: Service, way: str) -> None:
    """Lets Commerce sell product 1 no longer."""
    if way == "gone":
        del service.shop.products[1]
    else:
        changes = {"is_ready_to_basket": False} if way == "not ready" else {"price": None}
        service.shop.products[1] |= changes


async def test_no_more_of_it_can_be_added(withdrawn: Service) -> None:
    for product in (1, "SKU01"):
        key = "sku" if isinstance(product, str) else "productRemoteId"
        for caller in (withdrawn.main, withdrawn.sub):
            for lines in ([line(product)], [line(2), line(product)]):
                found = await caller.rejected("basketItemsAdd", items=lines)
                assert found == [
                    ("PRODUCT_UNAVAILABLE", ["items", str(len(lines) - 1), key])
                ]


async def test_no_more_of_it_can_be_added_with_a_key_by_rest_or_from_a_file(
    withdrawn: Service,
) -> None:
    buyer = withdrawn.main
    found = await buyer.rejected("basketItemsAdd", items=[line(1)], idempotencyKey="once")
    assert found == [("PRODUCT_UNAVAILABLE", ["items", "0", "productRemoteId"])]
    status, messages = await rest(withdrawn).rejected(
        "POST", "basket/", json=rest_line(withdrawn, 1, "ERP02", 1)
    )
    assert (status, list(messages)) == (400, ["product_remote_id"])
    payload = await send(buyer, sheets.csv([["SKU01", 1, "ERP02"]]))
    codes = [error["code"] for error in payload["report"]["rowErrors"]]
    assert (payload["basket"], codes) == (None, ["PRODUCT_UNAVAILABLE"])


async def test_less_of_it_can_be_kept_and_no_more_set(withdrawn: Service) -> None:
    async def rejected(erp_code: str, quantity: int) -> list[tuple[str, list[str]]]:
        given = {"productRemoteId": 1, "divisionId": withdrawn.division(erp_code)}
        return await withdrawn.main.rejected("basketItemUpdate", **given, quantity=quantity)

    unavailable = [("PRODUCT_UNAVAILABLE", ["productRemoteId"])]
    assert await rejected("ERP02", 6) == unavailable
    assert await rejected("ERP01", 1) == unavailable
    status, messages = await rest(withdrawn).rejected(
        "PUT", "basket/", json=rest_line(withdrawn, 1, "ERP02", 6)
    )
    assert (status, list(messages)) == (400, ["product_remote_id"])
    two = {"productRemoteId": 1, "divisionId": withdrawn.division("ERP02")}
    for quantity in (5, 3):
        basket = await withdrawn.main.accepted("basketItemUpdate", **two, quantity=quantity)
        assert held(basket) == {1: quantity, 2: 1}
    assert await rejected("ERP02", 4) == unavailable
    basket = await withdrawn.main.accepted("basketItemUpdate", **two, quantity=0)
    assert held(basket) == {2: 1}


async def test_it_can_be_removed_and_saved_and_a_quotation_be_requested_without_it(
    withdrawn: Service,
) -> None:
    draft = await withdrawn.main.accepted("basketSave", name="Draft")
    await withdrawn.main.accepted("basketLoad", basketId=draft["id"])
    found = await withdrawn.main.rejected("quotationRequest", name="Q")
    assert found == [("BASKET_HAS_PROBLEMS", [])]
    await withdrawn.main.accepted("basketItemRemove", productRemoteId=1)
    payload = await withdrawn.main.change(
        "quotationRequest", "quotation { totalAmount }", name="Q"
    )
    assert payload == {"quotation": {"totalAmount": "20.00"}, "userErrors": []}


async def test_the_rejected_quotation_names_every_product(service: Service) -> None:
    await add(service.main, line(1), line(2), line(3))
    del service.shop.products[1], service.shop.products[3]
    await service.main.accepted("basketRefresh")
    payload = await service.main.change(
        "quotationRequest", "quotation { id } problems { message }", name="Q"
    )
    assert payload["quotation"] is None
    assert [problem["message"] for problem in payload["problems"]] == [
        f"Commerce no longer sells the product with SKU {sku}."
        for sku in ("SKU01", "SKU03")
    ]


async def test_it_can_be_added_once_commerce_sells_it_again(withdrawn: Service) -> None:
    withdrawn.shop.sell(1, "9.00")
    unavailable = [("PRODUCT_UNAVAILABLE", ["items", "0", "productRemoteId"])]
    assert await withdrawn.main.rejected("basketItemsAdd", items=[line(1)]) == unavailable
    await age(10_000, remote_id=1)
    assert held(await add(withdrawn.main, line(1), line("SKU01"))) == {1: 7, 2: 1}


async def test_a_refresh_finds_that_it_is_sold_again(withdrawn: Service) -> None:
    withdrawn.shop.sell(1, "9.00")
    await withdrawn.main.accepted("basketRefresh")
    assert held(await add(withdrawn.main, line(1))) == {1: 6, 2: 1}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("product", [1, "SKU01"])
async def test_what_commerce_says_to_one_buyer_counts_for_all(
    service: Service, way: str, product: int | str
) -> None:
    await add(service.main, line(1))
    await say(service, way)
    await age(10_000)
    payload = await service.sub.change(
        "basketItemsAdd", "basket { id }", items=[line(product)]
    )
    codes = {error["code"] for error in payload["userErrors"]}
    assert codes <= {"PRODUCT_NOT_FOUND", "PRODUCT_UNAVAILABLE"}
    assert codes
    found = await service.main.rejected("basketItemsAdd", items=[line(1)])
    assert found == [("PRODUCT_UNAVAILABLE", ["items", "0", "productRemoteId"])]
    assert await service.main.rejected("quotationRequest", name="Q") == [
        ("BASKET_HAS_PROBLEMS", [])
    ]


async def test_a_product_query_never_answers_what_is_gone(service: Service) -> None:
    await add(service.main, line(1))
    del service.shop.products[1]
    await service.main.accepted("basketRefresh")
    for argument in ("remoteId: 1", 'sku: "SKU01"'):
        assert await service.main.query(f"{{ product({argument}) {{ sku }} }}") == {
            "product": None
        }


def move(service: Service) -> None:
    """Gives the SKU of product 1 to product 9; product 1 gets another one."""
    service.shop.sell(1, "10.55", sku="OLD01")
    service.shop.sell(9, "9.00", sku="SKU01")


async def test_a_moved_sku_adds_the_product_that_has_it_now(service: Service) -> None:
    await add(service.main, line("SKU01"))
    move(service)
    await age(10_000)
    assert held(await add(service.main, line("SKU01", quantity=2))) == {1: 1, 9: 2}
    assert held(await add(service.main, line(1, quantity=4))) == {1: 5, 9: 2}


async def test_without_a_maximum_age_each_addition_by_sku_asks(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop, product_maximum_age_seconds=0) as service:
        await add(service.main, line("SKU01"))
        move(service)
        assert held(await add(service.main, line("SKU01", quantity=2))) == {1: 1, 9: 2}


async def test_a_sku_is_asked_for_sooner_than_a_remote_id(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop, sku_maximum_age_seconds=5) as service:
        await add(service.main, line("SKU01"), line("SKU02"))
        await age(4)
        asked = len(shop.requests)
        assert held(await add(service.main, line("SKU01"))) == {1: 2, 2: 1}
        assert held(await add(service.main, line(3))) == {1: 2, 2: 1, 3: 1}
        move(service)
        await age(6)
        assert len(shop.requests) == asked + 1
        # Those of other buyers, who hold nothing, too.
        basket = await add(service.sub, line(1), line(2))
        assert held(basket) == {1: 1, 2: 1}
        assert len(shop.requests) == asked + 1
        assert held(await add(service.main, line("SKU01", quantity=7), line(3))) == {
            1: 2,
            2: 1,
            3: 2,
            9: 7,
        }
        assert len(shop.requests) == asked + 2


WAYS_OF_SKUS = ["import", "set", "report"]


@pytest.mark.parametrize("way", WAYS_OF_SKUS)
async def test_every_way_to_name_a_product_by_sku_finds_the_one_that_has_it_now(
    database_url: str, shop: Shop, way: str
) -> None:
    async with serve(database_url, shop, sku_maximum_age_seconds=5) as service:
        await add(service.main, line("SKU01"))
        move(service)
        await age(20)
        if way == "import":
            await send(service.main, sheets.csv([["SKU01", 4, "ERP02"]]))
        else:
            mutation = "basketItemsSet" if way == "set" else "basketItemsAdd"
            options = {"onInvalid": "SKIP"} if way == "report" else {}
            items = [line("SKU01", quantity=4)]
            await service.main.accepted(mutation, items=items, **options)
        assert held(await service.main.basket() or {}) == {1: 1, 9: 4}


async def test_a_query_by_sku_finds_the_product_that_has_it_now(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop, sku_maximum_age_seconds=5) as service:
        query = '{ product(sku: "SKU01") { remoteId } }'
        assert await service.sub.query(query) == {"product": {"remoteId": 1}}
        move(service)
        await age(20)
        assert await service.sub.query(query) == {"product": {"remoteId": 9}}
        shop.is_down = True
        await age(20)
        assert await service.sub.query(query) == {"product": {"remoteId": 9}}


async def test_while_commerce_is_down_a_sku_counts_as_long_as_a_remote_id(
    database_url: str, shop: Shop
) -> None:
    async with serve(database_url, shop, sku_maximum_age_seconds=0) as service:
        await service.main.query('{ product(sku: "SKU03") { remoteId } }')
        shop.is_down = True
        await age(290)
        assert held(await add(service.main, line("SKU03"))) == {3: 1}
        await age(310)
        assert held(await add(service.main, line("SKU03"))) == {3: 2}
        found = await service.sub.rejected("basketItemsAdd", items=[line("SKU03")])
        assert found == [("COMMERCE_UNAVAILABLE", [])]


async def test_within_the_maximum_age_a_sku_means_the_product_last_described_with_it(
    service: Service,
) -> None:
    await add(service.main, line("SKU01"))
    move(service)
    assert held(await add(service.main, line("SKU01", quantity=2))) == {1: 3}


async def test_a_moved_sku_is_noticed_by_any_answer(service: Service) -> None:
    await add(service.main, line("SKU01"))
    move(service)
    await add(service.other, line(9, "ERP05"))
    basket = await add(service.main, line("SKU01", quantity=2), line("SKU02"))
    assert held(basket) == {1: 1, 9: 2, 2: 1}
    assert held(await add(service.main, line("SKU01"))) == {1: 1, 9: 3, 2: 1}
    payload = await send(service.main, sheets.csv([["SKU01", 1, "ERP02"]]))
    assert held(payload["basket"]) == {1: 1, 9: 4, 2: 1}
    found = await service.sub.query('{ product(sku: "SKU01") { remoteId } }')
    assert found == {"product": {"remoteId": 9}}


async def test_a_sku_that_moved_to_what_is_not_sold_adds_nothing(service: Service) -> None:
    await add(service.main, line(1))
    move(service)
    service.shop.products[9]["is_ready_to_basket"] = False
    await service.other.query("{ product(remoteId: 9) { sku } }")
    found = await service.main.rejected("basketItemsAdd", items=[line("SKU01")])
    assert found == [("PRODUCT_UNAVAILABLE", ["items", "0", "sku"])]


async def test_a_sku_that_left_its_product_is_unknown(service: Service) -> None:
    await add(service.main, line("SKU01"))
    service.shop.sell(1, "10.55", sku="OLD01")
    await age(10_000)
    payload = await service.main.change(
        "basketItemsAdd", "basket { id }", items=[line("SKU01")]
    )
    assert [error["code"] for error in payload["userErrors"]] == ["PRODUCT_NOT_FOUND"]
    basket = await add(service.main, line("OLD01"))
    assert [(item["product"]["sku"], item["quantity"]) for item in basket["items"]] == [
        ("OLD01", 2)
    ]


async def test_two_skus_that_changed_places_name_each_other_s_product(
    service: Service,
) -> None:
    await add(service.main, line("SKU01"), line("SKU02", quantity=10))
    service.shop.sell(1, "10.55", sku="SKU02")
    service.shop.sell(2, "20.00", sku="SKU01")
    await age(10_000)
    basket = await add(service.main, line("SKU01"), line("SKU02", quantity=10))
    assert held(basket) == {1: 11, 2: 11}
    basket = await add(service.main, line("SKU01"))
    assert held(basket) == {1: 11, 2: 12}


async def test_of_two_that_changed_places_one_answer_is_enough_to_ask_for_the_other(
    service: Service,
) -> None:
    await add(service.main, line(1), line(2))
    service.shop.sell(1, "10.55", sku="SKU02")
    service.shop.sell(2, "20.00", sku="SKU01")
    await age(10_000, remote_id=1)
    await service.other.query("{ product(remoteId: 1) { sku } }")
    assert held(await add(service.main, line("SKU02"), line("SKU01", quantity=10))) == {
        1: 2,
        2: 11,
    }


async def test_a_held_product_is_added_by_its_old_sku_while_commerce_is_down(
    service: Service,
) -> None:
    await add(service.main, line("SKU01"))
    await age(10_000)
    service.shop.is_down = True
    assert held(await add(service.main, line("SKU01"))) == {1: 2}
    found = await service.main.rejected(
        "basketItemsAdd", items=[line("SKU01"), line("SKU02")]
    )
    assert found == [("COMMERCE_UNAVAILABLE", [])]
