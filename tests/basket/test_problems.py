"""The problems of a basket: found without asking Commerce."""

from typing import Any

import pytest

from commands.administration import set_division_active
from models.basket.tables import Basket
from models.product.tables import Product
from models.user import User
from tests.support.lines import line
from tests.support.rest import rest
from tests.support.service import Caller, Service

PROBLEMS = """problems {
  code severity message item { productRemoteId } division { erpCode } currentPrice currentCurrency
}"""
READ = f"{{ activeBasket {{ version isSubmittable {PROBLEMS} }} }}"
Found = tuple[str, int, str | None]


async def read(caller: Caller) -> dict[str, Any]:
    """Reads the problems of the active basket."""
    basket: dict[str, Any] = (await caller.query(READ))["activeBasket"]
    return basket


def codes(basket: dict[str, Any]) -> list[Found]:
    """Returns the problems as code, product and ERP code."""
    return [
        (
            each["code"],
            each["item"]["productRemoteId"],
            each["division"] and each["division"]["erpCode"],
        )
        for each in basket["problems"]
    ]


async def test_a_basket_as_commerce_has_it_has_no_problems(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2, "ERP02", 3)])
    asked = len(service.shop.requests)
    expected = {"version": 1, "isSubmittable": True, "problems": []}
    assert await read(service.main) == expected
    assert len(service.shop.requests) == asked
    await service.main.accepted("basketClear")
    assert (await read(service.main))["isSubmittable"] is False


async def test_a_moved_price_is_a_warning_with_the_present_one(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2)])
    await Product.filter(remote_id=1).update(price=1199)
    await Product.filter(remote_id=2).update(currency="eur")
    basket = await read(service.main)
    assert [
        (each["code"], each["severity"], each["currentPrice"], each["currentCurrency"])
        for each in basket["problems"]
    ] == [
        ("PRICE_CHANGED", "WARNING", "11.99", "try"),
        ("PRICE_CHANGED", "WARNING", "20.00", "eur"),
    ]
    assert basket["problems"][0]["message"] == (
        "The price of the product with SKU SKU01 is 11.99 try now; in the basket it is 10.55 try."
    )
    assert basket["isSubmittable"] is True


async def test_stock_is_compared_with_the_sum_over_divisions(service: Service) -> None:
    service.shop.sell(2, "20.00", stock=None, in_stock=False)
    service.shop.sell(3, "10.00", stock=None)
    service.shop.sell(4, "7.00", stock="many", in_stock=True)
    await service.main.accepted(
        "basketItemsAdd",
        items=[line(1, "ERP01", 2), line(1, "ERP02", 1), line(3, "ERP01", 9)],
    )
    assert (await read(service.main))["problems"] == []
    await service.main.accepted(
        "basketItemsAdd", items=[line(1, "ERP03", 1), line(2), line(4, "ERP01", 9)]
    )
    basket = await read(service.main)
    assert codes(basket) == [("OUT_OF_STOCK", 1, None), ("OUT_OF_STOCK", 2, None)]
    assert [each["message"] for each in basket["problems"]] == [
        "Commerce has 3 of the product with SKU SKU01 in stock; the basket has 4.",
        "Commerce has none of the product with SKU SKU02 in stock; the basket has 1.",
    ]
    assert basket["isSubmittable"] is True
    payload = await service.main.change("quotationRequest", "quotation { id }", name="Q")
    assert payload["userErrors"] == []


@pytest.fixture
async def blocked(service: Service) -> Service:
    """A basket with problems of each kind that blocks, and a moved price."""
    await service.main.accepted(
        "basketItemsAdd",
        items=[line(1), line(2, "ERP02"), line(2, "ERP03"), line(3), line(4, "ERP03")],
    )
    await set_division_active("ERP03", is_active=False)
    await Product.filter(remote_id=3).update(is_available=False)
    await Product.filter(remote_id=1).update(price=1)
    return service


BLOCKING: list[Found] = [
    ("DIVISION_INACTIVE", 2, "ERP03"),
    ("PRODUCT_UNAVAILABLE", 3, None),
    ("DIVISION_INACTIVE", 4, "ERP03"),
]


async def test_problems_are_in_the_order_of_the_items(blocked: Service) -> None:
    basket = await read(blocked.main)
    assert codes(basket) == [("PRICE_CHANGED", 1, None), *BLOCKING]
    assert [each["severity"] for each in basket["problems"]] == [
        "WARNING",
        *["BLOCKING"] * 3,
    ]
    assert (basket["isSubmittable"], basket["version"]) == (False, 1)


async def test_a_quotation_is_rejected_with_the_problems_that_block(
    blocked: Service,
) -> None:
    asked = {"name": "Q", "idempotencyKey": "key"}
    selection = f"quotation {{ id }} basket {{ id }} {PROBLEMS}"
    rejected = await blocked.main.change("quotationRequest", selection, **asked)
    assert (rejected["quotation"], rejected["basket"]) == (None, None)
    assert codes(rejected) == BLOCKING
    (error,) = rejected["userErrors"]
    assert (error["code"], error["field"]) == ("BASKET_HAS_PROBLEMS", [])
    assert error["message"] == (
        "The basket has 3 problems that must be solved before it can be submitted."
    )
    assert (await Basket.get()).status == "ACTIVE"
    assert await blocked.main.change("quotationRequest", selection, **asked) == rejected
    await blocked.main.accepted("basketItemRemove", productRemoteId=3)
    await blocked.main.accepted("basketItemRemove", productRemoteId=4)
    again = await blocked.main.change("quotationRequest", selection, **asked)
    assert codes(again) == BLOCKING[:1]
    three = blocked.division("ERP03")
    await blocked.main.accepted(
        "basketItemUpdate", productRemoteId=2, divisionId=three, quantity=0
    )
    assert (await read(blocked.main))["isSubmittable"] is True
    done = await blocked.main.change("quotationRequest", selection, name="Q")
    assert (done["problems"], done["userErrors"]) == ([], [])


async def test_rest_keeps_its_words(blocked: Service) -> None:
    found = await rest(blocked).rejected("POST", "my-quotations/", json={"name": "Q"})
    text = "Division ERP03, for which the basket has items, is inactive."
    assert found == (400, {"non_field_errors": [text]})


async def test_divisions_of_a_former_company_block(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2, "ERP02")])
    moved = service.divisions["ERP02"]
    await User.filter(email="main@example.invalid").update(division=moved)
    basket = await read(service.main)
    assert codes(basket) == [("DIVISION_NOT_ALLOWED", 1, "ERP01")]
    rejected = await service.main.rejected("quotationRequest", name="Q")
    assert rejected == [("BASKET_HAS_PROBLEMS", [])]


async def test_a_draft_has_problems_and_a_submitted_basket_none(blocked: Service) -> None:
    await blocked.main.accepted("basketSave", name="Draft")
    text = f"{{ draftBaskets {{ edges {{ node {{ isSubmittable {PROBLEMS} }} }} }} }}"
    ((edge,),) = ((await blocked.main.query(text))["draftBaskets"]["edges"],)
    assert (codes(edge["node"])[1:], edge["node"]["isSubmittable"]) == (BLOCKING, False)
    await blocked.main.accepted("basketItemsAdd", items=[line(2)])
    payload = await blocked.main.change(
        "quotationRequest", f"basket {{ id isSubmittable {PROBLEMS} }}", name="Q"
    )
    assert payload["basket"].pop("id")
    assert payload["basket"] == {"isSubmittable": False, "problems": []}
    await Product.all().update(is_available=False)
    read_quotations = (
        f"{{ quotations {{ edges {{ node {{ basket {{ {PROBLEMS} }} }} }} }} }}"
    )
    (edge,) = (await blocked.main.query(read_quotations))["quotations"]["edges"]
    assert edge["node"]["basket"]["problems"] == []


async def test_problems_can_be_read_after_a_change_and_by_node(blocked: Service) -> None:
    payload = await blocked.main.change(
        "basketItemsAdd", f"basket {{ id isSubmittable {PROBLEMS} }}", items=[line(1)]
    )
    assert codes(payload["basket"])[1:] == BLOCKING
    text = "query ($id: ID!) { node(id: $id) { ... on Basket { isSubmittable } } }"
    found = await blocked.main.query(text, id=payload["basket"]["id"])
    assert found["node"] == {"isSubmittable": False}
    delta = "{ activeBasket { delta(sinceVersion: 1) { basket { problems { code } } } } }"
    problems = (await blocked.main.query(delta))["activeBasket"]["delta"]["basket"]
    assert len(problems["problems"]) == 4
