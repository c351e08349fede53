"""Reading at both doors: the same basket, and as fast."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.rest import RestCaller, rest
from tests.service import Caller, Service, number_in

READ = """
query Read($segment: Int) {
  activeBasket(segmentRemoteId: $segment) {
    id totalAmount totalQuantity segmentRemoteId
    items {
      totalAmount price quantity productRemoteId
      divisions { division { id name erpCode } quantity }
      product { sku name price currency variants productImage }
    }
  }
}
"""


def as_rest(basket: dict[str, Any]) -> dict[str, Any]:
    """Writes a basket of GraphQL, whose products are described completely, as the REST interface does."""
    return {
        "id": int(number_in(basket["id"])),
        "total_amount": basket["totalAmount"],
        "total_quantity": basket["totalQuantity"],
        "basket_items": [item_as_rest(item) for item in basket["items"]],
        "segment_remote_id": basket["segmentRemoteId"],
    }


def item_as_rest(item: dict[str, Any]) -> dict[str, Any]:
    """Writes an item of GraphQL as the REST interface does."""
    product, parts = item["product"], item["divisions"]
    return {
        "total_amount": item["totalAmount"],
        "price": item["price"],
        "quantity": item["quantity"],
        "divisions": [
            {
                "id": int(number_in(part["division"]["id"])),
                "name": part["division"]["name"],
                "erp_code": part["division"]["erpCode"],
                "quantity": part["quantity"],
            }
            for part in parts
        ],
        "product": {
            "sku": product["sku"],
            "name": product["name"],
            "price": product["price"],
            "currency": product["currency"],
            "variants": product["variants"],
            "product_image": product["productImage"],
        },
        "product_remote_id": item["productRemoteId"],
    }


async def fill(service: Service, *, segment: int | None) -> None:
    """Adds 20 products, each for two divisions."""
    for pk in range(101, 121):
        service.shop.sell(
            pk, f"{pk}.{pk % 100:02d}", name=f'Ürün {pk} "½"', attributes={"size": str(pk), "color": "red"}
        )
    items = [
        {"productRemoteId": pk, "divisionErpCode": erp_code, "quantity": pk % 7 + 1}
        for erp_code in ("ERP02", "ERP01")
        for pk in range(120, 100, -1)
    ]
    await service.main.accepted("basketItemsAdd", items=items, segmentRemoteId=segment)


async def test_both_doors_show_the_same_basket(service: Service) -> None:
    for segment, path in ((None, "basket/"), (5, "basket/?segment_remote_id=5")):
        await fill(service, segment=segment)
        read = (await service.main.query(READ, segment=segment))["activeBasket"]
        assert len(read["items"]) == 20
        assert await rest(service).accepted("GET", path) == as_rest(read)


async def test_reading_is_as_fast_as_through_graphql(service: Service) -> None:
    await fill(service, segment=None)
    by_rest, by_graphql = await medians(rest(service), service.main)
    # In one process and with this client most of both is the same work; the rest is what may differ by chance.
    assert by_rest <= 1.25 * by_graphql, (by_rest, by_graphql)


async def medians(buyer: RestCaller, caller: Caller) -> tuple[float, float]:
    """Reads a basket at both doors in turn and returns the median times, in seconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(60):
        times[0].append(await seconds(lambda: buyer.accepted("GET", "basket/")))
        times[1].append(await seconds(lambda: caller.query(READ)))
    return statistics.median(times[0]), statistics.median(times[1])


async def seconds(read: Callable[[], Awaitable[Any]]) -> float:
    """Returns how long a read takes."""
    begin = time.perf_counter()
    await read()
    return time.perf_counter() - begin
