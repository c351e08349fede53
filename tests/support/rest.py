"""The documented REST interface, as the tests speak it, and the examples of its documentation."""

import json
from typing import Any

import httpx

from tests.support.service import Caller, Service

BARE: dict[str, Any] = {"name": None, "attributes": {}, "productimage_set": []}
"""A product of which Commerce says no more than its number, SKU and price."""

SUB = {"id": "sub", "name": "sub", "erp_code": "ERP02"}
MAIN = {"id": "main", "name": "main", "erp_code": "ERP01"}
BOTH = [SUB | {"quantity": 2}, MAIN | {"quantity": 1}]
ONLY_SUB = [SUB | {"quantity": 2}]


def item(
    pk: int, price: str, quantity: int, total: str, divisions: list[Any], /, **details: Any
) -> dict[str, Any]:
    """Writes an item as it is printed in the documentation."""
    return {
        "total_amount": total,
        "price": price,
        "quantity": quantity,
        "divisions": divisions,
        "product": {"sku": f"SKU{pk:02d}"} | details,
        "product_remote_id": pk,
    }


def basket(
    total: str, quantity: int, *items: dict[str, Any], segment: int | None = None
) -> dict[str, Any]:
    """Writes a basket as it is printed in the documentation; its id is left to be filled in."""
    return {
        "id": "basket",
        "total_amount": total,
        "total_quantity": quantity,
        "basket_items": list(items),
        "segment_remote_id": segment,
    }


DETAILS: dict[str, Any] = {
    "name": "product name",
    "price": "10.00",
    "currency": "try",
    "variants": {"color": "red"},
    "product_image": "http://example.com/image.jpg",
}
SECOND = item(2, "20.00", 2, "40.00", ONLY_SUB)
THIRD = item(3, "10.00", 1, "10.00", [MAIN | {"quantity": 1}], **DETAILS)

LISTED = basket("71.65", 5, item(1, "10.55", 3, "31.65", BOTH), SECOND)
ADDED = basket("81.65", 6, item(1, "10.55", 3, "31.65", BOTH), SECOND, THIRD)
UPDATED = basket("61.10", 4, item(1, "10.55", 2, "21.10", ONLY_SUB), SECOND)
EMPTIED = basket("0.00", 0)
MISSING = EMPTIED | {"id": None}


def printed(example: object, **identifiers: object) -> str:
    """Writes an example as it goes over the wire, with the identifiers of this database."""
    text = json.dumps(example, separators=(",", ":"))
    for name, identifier in identifiers.items():
        text = text.replace(f'"id":"{name}"', f'"id":{identifier}')
    return text


class RestCaller:
    """Someone with a token, at the documented interface."""

    def __init__(self, caller: Caller, prefix: str = "/api/v1") -> None:
        self.caller = caller
        self.prefix = prefix

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Sends a request and returns the response."""
        more = httpx.Headers(given.pop("headers", {}))
        headers = [(b"Authorization", f"Token {self.caller.token}".encode()), *more.raw]
        return await self.caller.client.request(
            method, f"{self.prefix}/{path}", headers=headers, **given
        )

    async def accepted(self, method: str, path: str, **given: Any) -> Any:
        """Sends a request that must be accepted and returns its answer."""
        response = await self.ask(method, path, **given)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        return response.json()

    async def rejected(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        """Sends a request that must be rejected, checks that nothing changed, and returns status and answer."""
        before = await self.caller.everything()
        response = await self.ask(method, path, **given)
        assert response.status_code >= 400, response.text
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert await self.caller.everything() == before
        return response.status_code, response.json()


def rest(service: Service, name: str = "main", prefix: str = "/api/v1") -> RestCaller:
    """Returns someone with a token at the documented interface."""
    return RestCaller(service.caller(name), prefix)


def line(service: Service, pk: int, erp_code: str, quantity: int) -> dict[str, Any]:
    """Writes the body that adds or sets a quantity."""
    return {
        "product_remote_id": pk,
        "division": int(service.division(erp_code)),
        "quantity": quantity,
    }


async def fill(
    service: Service, caller: RestCaller, *, third: bool = False
) -> dict[str, Any]:
    """Fills the basket of the examples and returns the answer to the last addition."""
    service.shop.sell(1, "10.55", **BARE)
    service.shop.sell(2, "20.00", **BARE)
    lines = [
        (1, "ERP02", 2),
        (1, "ERP01", 1),
        (2, "ERP02", 2),
        *([(3, "ERP01", 1)] if third else []),
    ]
    answer: dict[str, Any] = {}
    for pk, erp_code, quantity in lines:
        answer = await caller.accepted(
            "POST", "basket/", json=line(service, pk, erp_code, quantity)
        )
    return answer
