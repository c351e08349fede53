"""The examples of the documented REST interface: the same keys, in the same order, of the same types."""

from typing import Any

import pytest

from tests.support import sheets
from tests.support.rest import (
    ADDED,
    EMPTIED,
    LISTED,
    MISSING,
    UPDATED,
    RestCaller,
    basket,
    fill,
    item,
    line,
    printed,
    rest,
)
from tests.support.service import Service


@pytest.fixture
def buyer(service: Service) -> RestCaller:
    """A buyer of the main division."""
    return rest(service)


def identifiers(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    """Returns what stands for the identifiers of the examples here."""
    return {
        "basket": answer["id"],
        "main": service.division("ERP01"),
        "sub": service.division("ERP02"),
    }


async def test_adding_answers_as_printed(service: Service, buyer: RestCaller) -> None:
    await fill(service, buyer)
    response = await rest(service, prefix="/b2b").ask(
        "POST", "basket/", json=line(service, 3, "ERP01", 1)
    )
    assert response.status_code == 200
    assert response.text == printed(ADDED, **identifiers(service, response.json()))
    assert (await buyer.ask("GET", "basket/")).text == response.text


async def test_listing_answers_as_printed(service: Service, buyer: RestCaller) -> None:
    await fill(service, buyer)
    response = await buyer.ask("GET", "basket/")
    assert response.text == printed(LISTED, **identifiers(service, response.json()))


async def test_updating_to_zero_answers_as_printed(
    service: Service, buyer: RestCaller
) -> None:
    await fill(service, buyer)
    response = await buyer.ask("PUT", "basket/", json=line(service, 1, "ERP01", 0))
    assert response.text == printed(UPDATED, **identifiers(service, response.json()))


async def test_deleting_answers_as_printed(service: Service, buyer: RestCaller) -> None:
    await buyer.accepted("POST", "basket/", json=line(service, 2, "ERP02", 2))
    response = await buyer.ask("DELETE", "basket/", json={"product_remote_id": 2})
    assert response.text == printed(EMPTIED, **identifiers(service, response.json()))


async def test_drafts_are_listed_as_printed(service: Service, buyer: RestCaller) -> None:
    saved = []
    for _ in range(2):
        await buyer.accepted("POST", "basket/", json=line(service, 2, "ERP02", 2))
        await buyer.accepted("DELETE", "basket/", json={"product_remote_id": 2})
        saved.append((await buyer.accepted("POST", "basket/save/"))["id"])
    drafts = [
        {"id": key, "name": None, "total_amount": 0, "total_quantity": 0}
        for key in reversed(saved)
    ]
    assert (await buyer.ask("GET", "basket/drafts/")).text == printed(drafts)


async def test_the_totals_of_drafts_are_exact_numbers(
    service: Service, buyer: RestCaller
) -> None:
    first = await fill(service, buyer, third=True)
    await buyer.accepted("POST", "basket/save/", json={"name": "Basket 1"})
    second = await buyer.accepted("POST", "basket/", json=line(service, 2, "ERP02", 2))
    await buyer.accepted("POST", "basket/save/", json={"name": "Basket 2"})
    assert (await buyer.ask("GET", "basket/drafts/")).text == (
        f'[{{"id":{second["id"]},"name":"Basket 2","total_amount":40,"total_quantity":2}},'
        f'{{"id":{first["id"]},"name":"Basket 1","total_amount":81.65,"total_quantity":6}}]'
    )


async def test_without_an_active_basket_the_list_is_an_empty_one(buyer: RestCaller) -> None:
    assert (await buyer.ask("GET", "basket/")).text == printed(MISSING)


async def test_saving_and_loading_answer_with_the_basket(
    service: Service, buyer: RestCaller
) -> None:
    await fill(service, buyer)
    saved = await buyer.ask("POST", "basket/save/", json={"name": "Basket 1"})
    assert saved.text == printed(LISTED, **identifiers(service, saved.json()))
    assert await buyer.accepted("GET", "basket/") == MISSING
    loaded = await buyer.ask("POST", f"basket/{saved.json()['id']}/load/", json={})
    assert loaded.text == saved.text
    assert (await buyer.ask("GET", "basket/")).text == saved.text
    assert await buyer.accepted("GET", "basket/drafts/") == []


async def test_a_quotation_answers_with_the_basket_and_takes_it_away(
    service: Service, buyer: RestCaller
) -> None:
    await fill(service, buyer)
    answer = await buyer.ask("POST", "my-quotations/", json={"name": "Autumn"})
    assert answer.text == printed(LISTED, **identifiers(service, answer.json()))
    assert await buyer.accepted("GET", "basket/") == MISSING


async def test_an_import_answers_as_printed(service: Service, buyer: RestCaller) -> None:
    service.shop.sell(1, "10.55", name=None, attributes={}, productimage_set=[])
    rows = [["SKU01", 2, "ERP02"], ["SKU01", 1, "ERP01"]]
    files = {"filename": ("bulk-import-basket.xls", sheets.xls(rows))}
    response = await buyer.ask("POST", "basket/bulk-import/", files=files)
    assert (response.status_code, response.text) == (
        200,
        '{"message":"File imported successfully."}',
    )
    both = [
        {
            "id": int(service.division("ERP02")),
            "name": "sub",
            "erp_code": "ERP02",
            "quantity": 2,
        },
        {
            "id": int(service.division("ERP01")),
            "name": "main",
            "erp_code": "ERP01",
            "quantity": 1,
        },
    ]
    read = await buyer.accepted("GET", "basket/")
    assert read == basket("31.65", 3, item(1, "10.55", 3, "31.65", both)) | {
        "id": read["id"]
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": None, "attributes": {}, "productimage_set": []}, {}),
        (
            {"attributes": {}, "productimage_set": []},
            {"name": "product name", "price": "10.00", "currency": "try"},
        ),
        (
            {"name": None, "productimage_set": []},
            {"price": "10.00", "currency": "try", "variants": {"color": "red"}},
        ),
        (
            {"name": None, "attributes": {}},
            {
                "price": "10.00",
                "currency": "try",
                "product_image": "http://example.com/image.jpg",
            },
        ),
    ],
    ids=["nothing", "name", "variants", "image"],
)
async def test_details_that_commerce_does_not_say_are_left_out(
    service: Service, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    service.shop.sell(3, "10.00", **changes)
    answer = await rest(service).accepted(
        "POST", "basket/", json=line(service, 3, "ERP01", 1)
    )
    assert list(answer["basket_items"][0]["product"].items()) == [
        ("sku", "SKU03"),
        *expected.items(),
    ]
