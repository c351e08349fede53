"""Products by their keys: any SKU of Commerce can be added, exported and imported again."""

from datetime import timedelta
from typing import Any

import pytest

from models.product.tables import Product
from models.timestamps import now
from tests.support import sheets
from tests.support.exports import completed
from tests.support.imports import send
from tests.support.service import Caller, Service

SKUS = [
    "می\u200cخواهم-7",
    "👨\u200d👩\u200d👧\u200d👦",
    "Réf.\u00a0: 12",
    "İĞŞ ığş",
    "soft\u00adhyphen\u200b",
    " outer spaces  ",
    "\u00a0\u3000wide",
    "KBL-2,5",
    "=SUM(A1)",
    "'=1+1",
    " =1+1",
    "'quoted",
    "a;b",
    'say "12"',
    "_x0041_",
    "x" * 255,
]


PRODUCT = "query ($sku: String) { product(sku: $sku) { sku } }"


def sell_all(service: Service) -> None:
    """Puts a product with each SKU on sale."""
    for number, sku in enumerate(SKUS):
        service.shop.sell(100 + number, "2.50", sku=sku)


def items_by_sku(skus: list[str]) -> list[dict[str, Any]]:
    """Writes lines that name products by SKU."""
    return [{"sku": sku, "divisionErpCode": "ERP01"} for sku in skus]


def held(basket: dict[str, Any] | None) -> dict[str, int]:
    """Returns the quantities of a basket by SKU."""
    assert basket is not None
    return {item["product"]["sku"]: item["quantity"] for item in basket["items"]}


async def age(seconds: int, **chosen: Any) -> None:
    """Makes known products as old as that."""
    await Product.filter(**chosen).update(refreshed_at=now() - timedelta(seconds=seconds))


async def test_every_sku_of_commerce_can_be_added_and_added_again(service: Service) -> None:
    sell_all(service)
    basket = await service.main.accepted("basketItemsAdd", items=items_by_sku(SKUS))
    assert held(basket) == dict.fromkeys(SKUS, 1)
    for sku in SKUS:
        await service.main.accepted("basketItemsAdd", items=items_by_sku([sku]))
        found = await service.main.query(PRODUCT, sku=sku)
        assert found == {"product": {"sku": sku}}
    assert held(await service.main.basket()) == dict.fromkeys(SKUS, 2)


@pytest.mark.parametrize("kind", ["CSV", "XLS", "XLSX"])
async def test_what_is_exported_is_imported_again(service: Service, kind: str) -> None:
    sell_all(service)
    await service.main.accepted("basketItemsAdd", items=items_by_sku(SKUS))
    fields = ["PRODUCT_SKU", "QUANTITY", "DIVISION_ERP_CODE"]
    export = await completed(service.main, format=kind, fields=fields)
    content = (await service.client.get(export["url"])).content
    await age(10_000)
    payload = await send(service.main, content)
    assert payload["report"] == {
        "rowsRead": len(SKUS),
        "rowsImported": len(SKUS),
        "rowErrors": [],
    }
    assert held(await service.main.basket()) == dict.fromkeys(SKUS, 2)


async def test_outer_spaces_are_left_out_only_when_there_is_no_such_sku(
    service: Service,
) -> None:
    service.shop.sell(50, "1.00", sku=" A1 ")
    lines = items_by_sku([" A1 ", "\u00a0SKU01\ufeff", "SKU02 "])
    basket = await service.main.accepted("basketItemsAdd", items=lines)
    assert held(basket) == {" A1 ": 1, "SKU01": 1, "SKU02": 1}
    service.shop.sell(51, "1.00", sku="A1")
    await service.main.accepted("basketItemsAdd", items=items_by_sku(["A1", " A1 ", "A1 "]))
    assert held(await service.main.basket()) == {" A1 ": 2, "SKU01": 1, "SKU02": 1, "A1": 2}


async def test_a_known_sku_without_spaces_does_not_hide_one_with_spaces(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=items_by_sku(["SKU01"]))
    service.shop.sell(50, "1.00", sku="SKU01 ")
    await service.main.accepted("basketItemsAdd", items=items_by_sku(["SKU01 "]))
    assert held(await service.main.basket()) == {"SKU01": 1, "SKU01 ": 1}


async def test_files_and_lines_match_alike(service: Service) -> None:
    service.shop.sell(50, "1.00", sku=" A1")
    rows = [[" A1", 1, " ERP01"], ["SKU01 ", 2, "ERP01"], ["SKU01", 3, "ERP01\u00a0"]]
    for write in (sheets.csv, sheets.xls, sheets.xlsx):
        payload = await send(service.main, write(rows))
        assert held(payload["basket"]) == {" A1": 1, "SKU01": 5}
        await service.main.accepted("basketClear")
    names = ("sku", "quantity", "divisionErpCode")
    lines = [dict(zip(names, row, strict=True)) for row in rows]
    basket = await service.main.accepted("basketItemsAdd", items=lines)
    assert held(basket) == {" A1": 1, "SKU01": 5}


@pytest.mark.parametrize(
    "sku", ["", " ", "\u200b\u3164", "A\x07", "A\nB", "\ufffe", "x" * 256]
)
async def test_a_sku_that_cannot_be_is_rejected(service: Service, sku: str) -> None:
    found = await service.main.rejected("basketItemsAdd", items=items_by_sku([sku]))
    assert found == [("INVALID_INPUT", ["items", "0", "sku"])]
    lines = [{"productRemoteId": 1, "divisionErpCode": sku}]
    found = await service.main.rejected("basketItemsAdd", items=lines)
    assert found == [("INVALID_INPUT", ["items", "0", "divisionErpCode"])]
    # The product is asked for, so that all faults are in one answer.
    assert service.shop.requests == ["/product/1/"]


async def not_found_message(caller: Caller, sku: str) -> str:
    """Adds a product by SKU and returns the message of the rejection."""
    selection, items = "userErrors { code message }", items_by_sku([sku])
    payload = await caller.change("basketItemsAdd", selection, items=items)
    assert [error["code"] for error in payload["userErrors"]] == ["PRODUCT_NOT_FOUND"]
    return str(payload["userErrors"][0]["message"])


async def test_a_sku_with_a_comma_that_commerce_takes_for_two_is_found_once_it_is_known(
    service: Service,
) -> None:
    service.shop.compares_whole_texts = False
    service.shop.sell(50, "1.00", sku="SKU01,SKU02")
    assert await not_found_message(service.main, "SKU01,SKU02") == (
        "The product with SKU SKU01,SKU02 was not found: Commerce takes the comma for two SKUs. "
        "Name it by its remote id once."
    )
    by_id = [{"productRemoteId": 50, "divisionErpCode": "ERP01"}]
    await service.main.accepted("basketItemsAdd", items=by_id)
    basket = await service.main.accepted(
        "basketItemsAdd", items=items_by_sku(["SKU01,SKU02"])
    )
    assert held(basket) == {"SKU01,SKU02": 2}
    await age(10_000)
    line = {"sku": "SKU01,SKU02", "divisionErpCode": "ERP02"}
    await service.sub.accepted("basketItemsAdd", items=[line])
    assert held(await service.sub.basket()) == {"SKU01,SKU02": 1}


async def test_a_query_says_of_a_sku_with_a_comma_that_it_could_not_be_asked_for(
    service: Service,
) -> None:
    service.shop.compares_whole_texts = False
    service.shop.sell(50, "1.00", sku="SKU01,SKU02")
    response = await service.main.post('{ product(sku: "SKU01,SKU02") { remoteId } }')
    answer = response.json()
    (error,) = answer["errors"]
    assert answer["data"] == {"product": None}
    assert error["extensions"] == {"code": "INVALID_INPUT"}
    assert error["message"] == (
        "The product with SKU SKU01,SKU02 was not found: Commerce takes the comma for two SKUs. "
        "Name it by its remote id once."
    )
    known = await service.main.query("{ product(remoteId: 50) { sku } }")
    assert known == {"product": {"sku": "SKU01,SKU02"}}
    found = await service.main.query('{ product(sku: "SKU01,SKU02") { remoteId } }')
    assert found == {"product": {"remoteId": 50}}
    assert await service.main.query('{ product(sku: "SKU77") { remoteId } }') == {
        "product": None
    }


async def test_upper_and_lower_case_are_different_skus(service: Service) -> None:
    service.shop.sell(50, "1.00", sku="sku01")
    basket = await service.main.accepted(
        "basketItemsAdd", items=items_by_sku(["SKU01", "sku01"])
    )
    assert held(basket) == {"SKU01": 1, "sku01": 1}
    message = "The product with SKU Sku01 is not known to Commerce."
    assert await not_found_message(service.main, "Sku01") == message
