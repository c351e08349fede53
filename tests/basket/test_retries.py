"""What a retry with an idempotency key is answered: the first outcome, and everything else as it is now."""

import logging
from typing import Any

import orjson
import pytest

from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.quotation import Quotation
from tests.support.imports import send
from tests.support.service import Caller, Service, serve
from tests.support.sheets import csv
from tests.support.shop import Shop

STATE = "basket { id status version totalQuantity }"
MANY = 2_000


def line(product: int, quantity: int = 1) -> dict[str, Any]:
    """Returns a line of an addition."""
    return {"productRemoteId": product, "divisionErpCode": "ERP02", "quantity": quantity}


def added(key: str, *products: int, **more: Any) -> dict[str, Any]:
    """Returns the input of an addition with a key."""
    return {"items": [line(each) for each in products], "idempotencyKey": key, **more}


async def retried(
    caller: Caller, mutation: str, selection: str, **given: Any
) -> dict[str, Any]:
    """Sends a change again, which must change nothing, and returns its payload."""
    before = await caller.everything()
    payload = await caller.change(mutation, selection, **given)
    assert await caller.everything() == before
    assert payload.pop("userErrors") == []
    return payload


async def test_a_retry_shows_the_basket_in_whatever_status_it_is_now(
    service: Service,
) -> None:
    first = added("first", 1)
    basket = await service.main.accepted("basketItemsAdd", **first)

    async def state() -> dict[str, Any]:
        payload = await retried(service.main, "basketItemsAdd", STATE, **first)
        return {name: payload["basket"][name] for name in ("status", "totalQuantity")}

    await service.main.accepted("basketItemsAdd", items=[line(1, 4)])
    assert await state() == {"status": "ACTIVE", "totalQuantity": 5}
    await service.main.accepted("basketSave", name="Draft")
    await service.main.accepted("basketItemsAdd", items=[line(2)])
    assert await state() == {"status": "DRAFT", "totalQuantity": 5}
    await service.main.accepted("basketLoad", basketId=basket["id"])
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    assert await state() == {"status": "ACTIVE", "totalQuantity": 6}
    await service.main.accepted("quotationRequest", name="Quotation")
    assert await state() == {"status": "SUBMITTED", "totalQuantity": 6}


async def test_a_retry_after_the_basket_was_deleted_shows_none(service: Service) -> None:
    first = added("first", 1)
    basket = await service.main.accepted("basketItemsAdd", **first)
    saving = {"name": "Draft", "idempotencyKey": "save"}
    await service.main.accepted("basketSave", **saving)
    deletion = {"basketId": basket["id"], "idempotencyKey": "delete"}
    await service.main.change("basketDelete", "deletedBasketId", **deletion)
    await service.main.accepted("basketItemsAdd", items=[line(2)])
    gone = {"basket": None}
    assert await retried(service.main, "basketItemsAdd", STATE, **first) == gone
    assert await retried(service.main, "basketSave", STATE, **saving) == gone
    assert await retried(service.main, "basketDelete", "deletedBasketId", **deletion) == {
        "deletedBasketId": basket["id"]
    }


async def test_a_retried_load_shows_both_baskets_as_they_are_now(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    draft = (await service.main.accepted("basketSave", name="Draft"))["id"]
    active = (await service.main.accepted("basketItemsAdd", items=[line(2)]))["id"]
    selection = "basket { id status } displacedBasket { id status } deletedBasketId"
    load = {"basketId": draft, "idempotencyKey": "load"}
    loaded = await service.main.change("basketLoad", selection, **load)
    assert loaded["displacedBasket"] == {"id": active, "status": "DRAFT"}
    await service.main.accepted("basketLoad", basketId=active)
    assert await retried(service.main, "basketLoad", selection, **load) == {
        "basket": {"id": draft, "status": "DRAFT"},
        "displacedBasket": {"id": active, "status": "ACTIVE"},
        "deletedBasketId": None,
    }
    await service.main.change("basketDelete", "deletedBasketId", basketId=draft)
    await service.main.accepted("basketSave", name="Other")
    await service.main.change("basketDelete", "deletedBasketId", basketId=active)
    assert await retried(service.main, "basketLoad", selection, **load) == {
        "basket": None,
        "displacedBasket": None,
        "deletedBasketId": None,
    }


async def test_a_retried_request_shows_the_quotation_as_it_is_now(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    asked = {"name": "Quotation", "idempotencyKey": "ask"}
    selection = "quotation { number status basket { status } } basket { status }"
    first = await service.main.change("quotationRequest", selection, **asked)
    assert first.pop("userErrors") == []
    assert first["quotation"]["status"] == "PENDING"
    await Quotation.all().update(status="AWAITING_APPROVAL")
    assert await retried(service.main, "quotationRequest", selection, **asked) == {
        "quotation": first["quotation"] | {"status": "AWAITING_APPROVAL"},
        "basket": {"status": "SUBMITTED"},
    }
    await Quotation.all().delete()
    assert await retried(service.main, "quotationRequest", selection, **asked) == {
        "quotation": None,
        "basket": {"status": "SUBMITTED"},
    }


async def test_a_retried_refresh_tells_the_first_prices_and_the_items_that_are_left(
    service: Service,
) -> None:
    selection = (
        "basket { itemCount } unavailable { productRemoteId quantity } "
        "priceChanges { sku oldPrice newPrice newCurrency item { price quantity } }"
    )
    for product in (2, 3, 4):
        service.shop.sell(product, "20.00")
    await service.main.accepted("basketItemsAdd", items=[line(n) for n in (1, 2, 3, 4)])
    for product in (1, 2):
        service.shop.sell(product, "11.00")
    for product in (3, 4):
        del service.shop.products[product]
    refresh = {"idempotencyKey": "refresh"}
    first = await service.main.change("basketRefresh", selection, **refresh)
    assert first == {
        "basket": {"itemCount": 4},
        "unavailable": [{"productRemoteId": n, "quantity": 1} for n in (3, 4)],
        "priceChanges": [
            {
                "sku": sku,
                "oldPrice": old,
                "newPrice": "11.00",
                "newCurrency": "try",
                "item": {"price": "11.00", "quantity": 1},
            }
            for sku, old in (("SKU01", "10.55"), ("SKU02", "20.00"))
        ],
        "userErrors": [],
    }
    service.shop.sell(1, "12.00")
    await service.main.accepted("basketRefresh")
    await service.main.accepted("basketItemsAdd", items=[line(1, 2)])
    for product in (2, 3):
        await service.main.accepted("basketItemRemove", productRemoteId=product)
    again = await retried(service.main, "basketRefresh", selection, **refresh)
    assert again["basket"] == {"itemCount": 2}
    assert again["unavailable"] == [{"productRemoteId": 4, "quantity": 1}]
    assert again["priceChanges"] == [
        first["priceChanges"][0] | {"item": {"price": "12.00", "quantity": 3}},
        first["priceChanges"][1] | {"item": None},
    ]


async def test_a_retried_import_tells_the_first_report_and_the_basket_as_it_is_now(
    service: Service,
) -> None:
    file = csv([["SKU01", 2, "ERP02"], ["SKU404", 1, "ERP02"]])
    given = {"skipInvalidRows": True, "idempotencyKey": "import"}
    first = await send(service.main, file, STATE, **given)
    assert (first["basket"]["totalQuantity"], first["userErrors"]) == (2, [])
    assert first["report"]["rowsImported"] == 1
    assert [error["code"] for error in first["report"]["rowErrors"]] == [
        "PRODUCT_NOT_FOUND"
    ]
    service.shop.sell(404, "1.00")
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    again = await send(service.main, file, STATE, **given)
    assert again["basket"]["totalQuantity"] == 3
    assert again["report"] == first["report"]


async def test_a_retry_does_not_depend_on_the_history(service: Service) -> None:
    first = added("first", 1, 2)
    basket = await service.main.accepted("basketItemsAdd", **first)
    clear = {"idempotencyKey": "clear"}
    cleared = await service.main.change("basketClear", "removedItemIds", **clear)
    assert len(cleared["removedItemIds"]) == 2
    await BasketChange.all().delete()
    payload = await retried(service.main, "basketItemsAdd", STATE, **first)
    assert payload["basket"]["id"] == basket["id"]
    again = await retried(service.main, "basketClear", "removedItemIds", **clear)
    assert again["removedItemIds"] == cleared["removedItemIds"]


async def test_a_retry_neither_asks_commerce_nor_waits_for_a_rejection_to_be_gone(
    service: Service,
) -> None:
    first = added("first", 1, 404)
    rejected = [("PRODUCT_NOT_FOUND", ["items", "1", "productRemoteId"])]
    assert await service.main.rejected("basketItemsAdd", **first) == rejected
    service.shop.sell(404, "1.00")
    service.shop.requests.clear()
    assert await service.main.rejected("basketItemsAdd", **first) == rejected
    assert service.shop.requests == []


async def sizes() -> dict[str, int]:
    """Returns the bytes of the stored outcomes by their keys."""
    return {key.key: len(key.outcome.encode()) for key in await IdempotencyKey.all()}


@pytest.mark.long
async def test_an_outcome_is_tiny_however_much_the_basket_holds(service: Service) -> None:
    for product in range(1, MANY + 1):
        service.shop.sell(product, "1.00", sku=f"SKU{product}")
    rows = csv([[f"SKU{product}", 1, "ERP02"] for product in range(1, MANY + 1)])
    imported = await send(service.main, rows, "basket { id }", idempotencyKey="import")
    assert imported["report"]["rowsImported"] == MANY
    products = range(1, 1_001)
    await service.main.change("basketItemsAdd", "", **added("add", *products))
    one = {"productRemoteId": 1, "divisionId": service.division("ERP02"), "quantity": 9}
    await service.main.change("basketItemUpdate", "", **one, idempotencyKey="update")
    remove = {"productRemoteId": 1_000, "idempotencyKey": "remove"}
    await service.main.change("basketItemRemove", "", **remove)
    await service.main.change("basketRefresh", "", idempotencyKey="refresh")
    await service.main.change("basketExport", "", format="CSV", idempotencyKey="export")
    await service.main.change("basketSave", "", name="Draft", idempotencyKey="save")
    await service.main.change("basketItemsAdd", "", **added("other", 1))
    load = {"basketId": imported["basket"]["id"], "idempotencyKey": "load"}
    await service.main.change("basketLoad", "", **load)
    clear = {"idempotencyKey": "clear"}
    cleared = await service.main.change("basketClear", "removedItemIds", **clear)
    assert len(cleared["removedItemIds"]) == MANY - 1
    await service.main.change("basketItemsAdd", "", **added("again", *products))
    await service.main.change("quotationRequest", "", name="Q", idempotencyKey="ask")
    found = await sizes()
    assert len(found) == 12
    assert max(found.values()) <= 200, found
    again = await retried(service.main, "basketClear", "removedItemIds", **clear)
    assert again["removedItemIds"] == cleared["removedItemIds"]


async def test_an_accepted_addition_stores_an_id_and_a_version(service: Service) -> None:
    basket = await service.main.accepted("basketItemsAdd", **added("first", 1))
    (key,) = await IdempotencyKey.all()
    number = int(basket["id"].removeprefix("basket_"))
    assert orjson.loads(key.outcome) == {"format": 2, "basket": number, "version": 1}
    await service.main.accepted("basketItemsAdd", **added("second", 1))
    await IdempotencyKey.filter(key="first").delete()
    (key,) = await IdempotencyKey.all()
    assert orjson.loads(key.outcome) == {"format": 2, "basket": number, "version": 2}


async def test_a_key_adds_statements_of_the_key_alone(
    sqlite_url: str, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async def statements(caller: Caller, **given: Any) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            await caller.change("basketItemUpdate", "basket { version }", **given)
        # The messages end with the values of parameters.
        return [record.getMessage().split(": ")[0] for record in caplog.records]

    async with serve(sqlite_url, shop) as service:
        await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
        one = {"productRemoteId": 1, "divisionId": service.division("ERP02")}
        plain = await statements(service.main, **one, quantity=3)
        keyed = await statements(service.main, **one, quantity=4, idempotencyKey="key")
        again = await statements(service.main, **one, quantity=4, idempotencyKey="key")
    assert any("UPDATE" in text for text in plain)
    assert [text for text in keyed if "idempotency_key" not in text] == plain
    assert len(keyed) == len(plain) + 4
    # The checks of the token, the look-up of the key, and the basket.
    assert len(again) == 3


async def test_each_rejected_line_adds_no_more_than_its_own_words(service: Service) -> None:
    for count in (1, 2):
        rejected = added(f"{count} rejected", 1, *range(500, 500 + count))
        await service.main.rejected("basketItemsAdd", **rejected)
    found = await sizes()
    assert found["1 rejected"] <= 250
    assert found["2 rejected"] - found["1 rejected"] <= 200
