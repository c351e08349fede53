"""Retries with `Idempotency-Key`: the answer of the first attempt, with the basket as it is now."""

from typing import Any

from models.export.export import BasketExport
from tests.support import sheets
from tests.support.rest import MISSING, RestCaller, fill, line, rest
from tests.support.service import Service


def keyed(key: str) -> dict[str, str]:
    """Returns the header of a key."""
    return {"Idempotency-Key": key}


async def twice(
    buyer: RestCaller, method: str, path: str, status: int = 200, **given: Any
) -> bytes:
    """Sends a request two times with a key of its own; the answers must not differ by a byte."""
    headers = keyed(f"{method} {path}")
    first = await buyer.ask(method, path, headers=headers, **given)
    assert first.status_code == status
    before = await buyer.caller.everything()
    again = await buyer.ask(method, path, headers=headers, **given)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await buyer.caller.everything() == before
    return first.content


async def test_a_retry_at_once_is_answered_alike_by_every_change(service: Service) -> None:
    buyer = rest(service)
    first = await fill(service, buyer, third=True)
    files = {"filename": ("basket.csv", sheets.csv([["SKU01", 2, "ERP01"]]))}
    await twice(buyer, "POST", "basket/", json=line(service, 1, "ERP01", 3))
    await twice(buyer, "PUT", "basket/", json=line(service, 2, "ERP02", 0))
    await twice(buyer, "DELETE", "basket/", json={"product_remote_id": 3})
    imported = await twice(buyer, "POST", "basket/bulk-import/", files=files)
    assert imported == b'{"message":"File imported successfully."}'
    await twice(buyer, "GET", "basket/?format=csv")
    await twice(buyer, "POST", "basket/save/", json={"name": "Draft"})
    await twice(buyer, "POST", f"basket/{first['id']}/load/")
    await twice(buyer, "POST", "my-quotations/", json={"name": "Quotation"})
    assert b"non_field_errors" in await twice(
        buyer, "POST", "basket/save/?segment_remote_id=5", 400
    )


async def test_a_retry_shows_the_basket_as_it_is_now(service: Service) -> None:
    buyer, given = rest(service), {"json": line(service, 1, "ERP01", 3)}
    first = await buyer.accepted("POST", "basket/", headers=keyed("add"), **given)
    await buyer.accepted("POST", "basket/", json=line(service, 1, "ERP02", 2))
    again = await buyer.accepted("POST", "basket/", headers=keyed("add"), **given)
    assert (again["id"], again["total_quantity"]) == (first["id"], 5)
    assert again == await buyer.accepted("GET", "basket/")
    await buyer.accepted("POST", "basket/save/", headers=keyed("save"))
    assert await buyer.accepted("POST", "basket/", headers=keyed("add"), **given) == again
    await buyer.accepted("POST", "basket/", json=line(service, 2, "ERP01", 1))
    assert await buyer.accepted("POST", "basket/", headers=keyed("add"), **given) == again
    deletion = {"basketId": str(first["id"])}
    await service.main.change("basketDelete", "deletedBasketId", **deletion)
    assert await buyer.accepted("POST", "basket/", headers=keyed("add"), **given) == MISSING
    assert await buyer.accepted("POST", "basket/save/", headers=keyed("save")) == MISSING


async def test_an_import_and_an_export_are_answered_alike_when_all_is_gone(
    service: Service,
) -> None:
    buyer = rest(service)
    basket = await fill(service, buyer)
    asked = await buyer.accepted("GET", "basket/?format=csv", headers=keyed("export"))
    files = {"filename": ("basket.csv", sheets.csv([["SKU01", 2, "ERP01"]]))}
    given: dict[str, Any] = {"headers": keyed("import"), "files": files}
    imported = await buyer.accepted("POST", "basket/bulk-import/", **given)
    await buyer.accepted("POST", "basket/save/")
    await service.main.change("basketDelete", "deletedBasketId", basketId=str(basket["id"]))
    assert await buyer.accepted("POST", "basket/bulk-import/", **given) == imported
    again = await buyer.accepted("GET", "basket/?format=csv", headers=keyed("export"))
    assert again == asked
    await BasketExport.all().delete()
    rejected = await buyer.rejected("GET", "basket/?format=csv", headers=keyed("export"))
    assert rejected == (404, {"detail": "Not found."})
