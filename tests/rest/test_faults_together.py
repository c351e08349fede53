"""All faults of the values of a request are told together."""

from typing import Any

import pytest

from tests.support.rest import rest
from tests.support.service import Service

TWICE = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
KEY = {"Idempotency-Key": ["The header is sent 2 times; send one key."]}
SEGMENT = {"segment_remote_id": ["'x' is not a whole number."]}
COLUMNS = (
    "product__sku, division, division__erp_code, division__name, price, quantity, "
    "product_remote_id"
)
PAGE = {
    "page": ["0 is not a positive number."],
    "limit": ["101 is not between 1 and 100."],
    "page_size": ["'x' is not a whole number."],
}
EXPORT = {
    "fields": [f"'{name}' is not one of {COLUMNS}." for name in ("b", "a")],
    "format": ["'pdf' is not one of csv, xls, xlsx."],
}
LINE = {
    "product_remote_id": ["This field may not be null."],
    "division": ["This field is required."],
    "quantity": ["'many' is not a whole number."],
}
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "divisions": ("GET", "my-divisions/?page=0&limit=101&page_size=x", {}, PAGE),
    "quotations": ("GET", "my-quotations/?page=0&limit=101&page_size=x", {}, PAGE),
    "a page alone": ("GET", "my-divisions/?page=0", {}, {"page": PAGE["page"]}),
    "an export": (
        "GET",
        "basket/?fields=b,quantity,a&format=pdf&segment_remote_id=x",
        {"headers": TWICE},
        EXPORT | SEGMENT | KEY,
    ),
    "a line": (
        "POST",
        "basket/?segment_remote_id=x",
        {"json": {"product_remote_id": None, "quantity": "many"}, "headers": TWICE},
        LINE | SEGMENT | KEY,
    ),
    "an import": (
        "POST",
        "basket/bulk-import/",
        {"files": {"segment_remote_id": (None, "x")}, "headers": TWICE},
        {"filename": ["This field is required."]} | SEGMENT | KEY,
    ),
    "a quotation": (
        "POST",
        "my-quotations/?segment_remote_id=x",
        {"json": {"name": 1}, "headers": TWICE},
        {"name": ["1 is not a text."]} | SEGMENT | KEY,
    ),
    "a load": ("POST", "basket/1/load/", {"headers": TWICE}, KEY),
}


@pytest.mark.parametrize("case", CASES)
async def test_all_faults_are_told_together(service: Service, case: str) -> None:
    method, address, given, messages = CASES[case]
    assert await rest(service).rejected(method, address, **given) == (400, messages)
