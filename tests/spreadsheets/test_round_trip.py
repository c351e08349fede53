"""A basket that is exported and imported again is the same basket, in every format."""

from typing import Any

import pytest

from tests.support.exports import completed
from tests.support.imports import send
from tests.support.service import Service

# SKUs that a spreadsheet would run as formulas, take for numbers, or write in another alphabet.
SKUS = ["=1+1", "+90 212", "-5", "@home", "'=x", "007", "1E5", "1.10", "İĞŞ-ü", "plain"]


def contents(basket: dict[str, Any]) -> list[Any]:
    """Returns what a basket holds: products, prices and the quantities for divisions."""
    return [
        (item["product"], item["price"], item["divisions"])
        for item in sorted(basket["items"], key=lambda item: str(item["productRemoteId"]))
    ]


@pytest.mark.parametrize("format", ["CSV", "XLS", "XLSX"])
async def test_an_export_with_the_import_columns_imports_back_into_an_equal_basket(
    service: Service, format: str
) -> None:
    for number, sku in enumerate(SKUS, start=100):
        service.shop.sell(number, f"{number}.05", sku=sku)
    items = [
        {"productRemoteId": number, "divisionErpCode": code, "quantity": number}
        for number in range(100, 110)
        for code in ("ERP01", "ERP02")
    ]
    before = await service.main.accepted("basketItemsAdd", items=items)
    columns = ["DIVISION_ERP_CODE", "QUANTITY", "PRODUCT_SKU"]
    export = await completed(service.main, format=format, fields=columns)
    file = await service.client.get(export["url"])
    await service.main.accepted("basketSave", name="Exported")
    payload = await send(service.main, file.content)
    assert (payload["userErrors"], payload["report"]["rowsImported"]) == ([], 20)
    assert payload["basket"]["id"] != before["id"]
    assert contents(payload["basket"]) == contents(before)
    assert payload["basket"]["totalAmount"] == before["totalAmount"]
