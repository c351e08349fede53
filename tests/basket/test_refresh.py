"""Refreshing prices."""

from tests.support.lines import line
from tests.support.service import Service

REFRESH = """basket { totalAmount version }
priceChanges { oldPrice newPrice item { productRemoteId price } }
unavailable { productRemoteId }"""


async def fill(service: Service) -> None:
    """Adds three products."""
    items = [
        {"productRemoteId": product, "divisionErpCode": "ERP01", "quantity": 2}
        for product in (1, 2, 3)
    ]
    await service.main.accepted("basketItemsAdd", items=items)


async def test_refreshing_says_what_changed_and_what_is_no_longer_sold(
    service: Service,
) -> None:
    await fill(service)
    service.shop.sell(1, "11.00")
    service.shop.sell(2, "25.00", is_ready_to_basket=False)
    del service.shop.products[3]
    payload = await service.main.change("basketRefresh", REFRESH)
    assert payload == {
        "basket": {"totalAmount": "82.00", "version": 2},
        "priceChanges": [
            {
                "oldPrice": "10.55",
                "newPrice": "11.00",
                "item": {"productRemoteId": 1, "price": "11.00"},
            }
        ],
        "unavailable": [{"productRemoteId": 2}, {"productRemoteId": 3}],
        "userErrors": [],
    }
    assert service.shop.requests[1:] == [
        "/api/v1/data-warehouse/products/?pk__in=1,2,3&limit=100&page=1"
    ]


async def test_what_is_no_longer_sold_cannot_be_added_by_others(service: Service) -> None:
    await fill(service)
    del service.shop.products[3]
    await service.main.change("basketRefresh", REFRESH)
    line = {"productRemoteId": 3, "divisionErpCode": "ERP02"}
    assert await service.sub.rejected("basketItemsAdd", items=[line]) == [
        ("PRODUCT_UNAVAILABLE", ["items", "0", "productRemoteId"])
    ]


async def test_refreshing_when_nothing_changed_reports_nothing(service: Service) -> None:
    await fill(service)
    payload = await service.main.change("basketRefresh", REFRESH)
    assert (payload["priceChanges"], payload["unavailable"], payload["userErrors"]) == (
        [],
        [],
        [],
    )


async def test_refreshing_an_empty_basket_asks_nothing(service: Service) -> None:
    assert await service.main.rejected("basketRefresh") == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    await fill(service)
    await service.main.accepted("basketClear")
    await service.main.accepted("basketRefresh")
    assert len(service.shop.requests) == 1


async def test_nothing_changes_when_commerce_is_down(service: Service) -> None:
    await fill(service)
    service.shop.sell(1, "11.00")
    service.shop.is_down = True
    assert await service.main.rejected("basketRefresh") == [("COMMERCE_UNAVAILABLE", [])]


CHANGES = """basket { totalAmount currency version }
priceChanges { productRemoteId sku oldPrice oldCurrency newPrice newCurrency }"""


async def test_another_currency_is_a_change_also_at_the_same_price(
    service: Service,
) -> None:
    await fill(service)
    for product, price in ((1, "10.55"), (2, "19.90"), (3, "10.00")):
        service.shop.sell(product, price, currency_type="eur", sku=f"NEW{product}")
    payload = await service.main.change("basketRefresh", CHANGES)
    assert payload == {
        "basket": {"totalAmount": "80.90", "currency": "eur", "version": 2},
        "priceChanges": [
            {
                "productRemoteId": product,
                "sku": f"NEW{product}",
                "oldPrice": old,
                "oldCurrency": "try",
                "newPrice": new,
                "newCurrency": "eur",
            }
            for product, old, new in (
                (1, "10.55", "10.55"),
                (2, "20.00", "19.90"),
                (3, "10.00", "10.00"),
            )
        ],
        "userErrors": [],
    }
    again = await service.main.change("basketRefresh", CHANGES)
    assert again["priceChanges"] == []


async def test_nothing_changes_when_currencies_part_ways(service: Service) -> None:
    await fill(service)
    service.shop.sell(2, "20.00", currency_type="eur")
    assert await service.main.rejected("basketRefresh") == [("CURRENCY_MISMATCH", [])]
    await service.main.accepted("basketItemRemove", productRemoteId=2)
    assert (await service.main.change("basketRefresh", CHANGES))["priceChanges"] == []


async def test_nothing_changes_when_what_is_no_longer_sold_stays_in_the_old_currency(
    service: Service,
) -> None:
    await fill(service)
    for product in (1, 2):
        service.shop.sell(product, "5.00", currency_type="usd")
    del service.shop.products[3]
    payload = await service.main.change("basketRefresh", "userErrors { message }")
    assert payload["userErrors"] == [
        {
            "message": "The product with SKU SKU03 would be priced in try, the basket in usd; "
            "all items share one currency. Remove it and refresh the basket again.",
            "code": "CURRENCY_MISMATCH",
            "field": [],
        }
    ]
    basket = await service.main.basket()
    assert basket is not None
    assert (basket["totalAmount"], basket["currency"], basket["version"]) == (
        "81.10",
        "try",
        1,
    )
    await service.main.accepted("basketItemRemove", productRemoteId=3)
    payload = await service.main.change("basketRefresh", CHANGES)
    assert payload["basket"] == {"totalAmount": "20.00", "currency": "usd", "version": 3}


async def test_a_rejected_refresh_still_learns_what_is_no_longer_sold(
    service: Service,
) -> None:
    await fill(service)
    service.shop.sell(2, "20.00", currency_type="eur")
    del service.shop.products[3]
    assert await service.main.rejected("basketRefresh") == [("CURRENCY_MISMATCH", [])]
    line = {"productRemoteId": 3, "divisionErpCode": "ERP02"}
    for caller in (service.sub, service.main):
        assert await caller.rejected("basketItemsAdd", items=[line]) == [
            ("PRODUCT_UNAVAILABLE", ["items", "0", "productRemoteId"])
        ]


async def test_refreshing_only_for_its_totals_reads_no_items(service: Service) -> None:
    await fill(service)
    service.shop.sell(1, "11.00")
    payload = await service.main.change("basketRefresh", "basket { totalAmount }")
    assert payload == {"basket": {"totalAmount": "82.00"}, "userErrors": []}


SELECTED = """basket { version totalAmount } unavailable { productRemoteId }
priceChanges { productRemoteId oldPrice newPrice item { price } }"""


async def test_a_dry_run_asks_commerce_and_changes_nothing(service: Service) -> None:
    before = await service.main.accepted(
        "basketItemsAdd", items=[line(1), line(2), line(3)]
    )
    service.shop.sell(1, "11.00")
    del service.shop.products[2]
    service.shop.requests.clear()
    payload = await service.main.change("basketRefresh", SELECTED, dryRun=True)
    assert payload == {
        "basket": {"version": 1, "totalAmount": "40.55"},
        "unavailable": [{"productRemoteId": 2}],
        "priceChanges": [
            {
                "productRemoteId": 1,
                "oldPrice": "10.55",
                "newPrice": "11.00",
                "item": {"price": "10.55"},
            }
        ],
        "userErrors": [],
    }
    assert len(service.shop.requests) == 1
    assert await service.main.basket() == before
    payload = await service.main.change("basketRefresh", SELECTED)
    assert payload["basket"] == {"version": 2, "totalAmount": "41.00"}


async def test_a_dry_run_says_that_currencies_would_be_mixed(service: Service) -> None:
    before = await service.main.accepted(
        "basketItemsAdd", items=[line(1), line(2), line(3)]
    )
    service.shop.sell(1, "1.00", currency_type="eur")
    for given in ({"dryRun": True}, {"productRemoteIds": [1]}, {}):
        rejected = await service.main.rejected("basketRefresh", **given)
        assert rejected == [("CURRENCY_MISMATCH", [])]
    assert await service.main.basket() == before


async def test_chosen_products_are_refreshed_and_no_others(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2), line(3)])
    for product in (1, 2, 3):
        service.shop.sell(product, "50.00")
    service.shop.requests.clear()
    payload = await service.main.change(
        "basketRefresh", SELECTED, productRemoteIds=[3, 1, 3]
    )
    assert [each["productRemoteId"] for each in payload["priceChanges"]] == [1, 3]
    assert payload["basket"] == {"version": 2, "totalAmount": "120.00"}
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?pk__in=3,1&limit=100&page=1"
    ]
    none = await service.main.change("basketRefresh", SELECTED, productRemoteIds=[])
    assert (none["priceChanges"], none["basket"]["version"]) == ([], 2)


async def test_a_product_that_the_basket_does_not_hold_is_not_refreshed(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    rejected = await service.main.rejected("basketRefresh", productRemoteIds=[1, 2])
    assert rejected == [("PRODUCT_NOT_IN_BASKET", ["productRemoteIds", "1"])]
    rejected = await service.sub.rejected("basketRefresh", productRemoteIds=[1])
    assert rejected == [("BASKET_NOT_FOUND", ["segmentRemoteId"])]
