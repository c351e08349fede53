"""Adding, updating, removing and clearing, and every way in which they are rejected."""

import pytest

from tests.support.lines import line
from tests.support.service import Service


async def test_reading_makes_no_basket(service: Service) -> None:
    assert await service.main.basket() is None
    assert (await service.main.everything())["activeBaskets"] == []


async def test_adding_again_increments_and_counts_a_version(service: Service) -> None:
    first = await service.main.accepted("basketItemsAdd", items=[line(quantity=2)])
    second = await service.main.accepted("basketItemsAdd", items=[line(quantity=3)])
    assert (first["version"], first["totalQuantity"]) == (1, 2)
    assert (second["version"], second["totalQuantity"], second["id"]) == (2, 5, first["id"])


async def test_a_product_in_the_basket_is_added_without_asking_commerce(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line()])
    assert service.shop.requests == ["/product/1/"]
    service.shop.is_down = True
    basket = await service.main.accepted(
        "basketItemsAdd", items=[line(division="ERP02", quantity=4)]
    )
    assert basket["totalQuantity"] == 5
    assert service.shop.requests == ["/product/1/"]


async def test_a_product_known_and_fresh_is_added_without_asking_commerce_again(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line()])
    await service.sub.accepted("basketItemsAdd", items=[line(division="ERP02")])
    assert service.shop.requests == ["/product/1/"]


async def test_several_unknown_products_are_asked_for_in_one_request(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1), line(2), line(3)])
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?pk__in=1,2,3&limit=100&page=1"
    ]


async def test_the_price_of_an_item_stays_what_it_was_when_added(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line()])
    service.shop.sell(1, "99.00")
    basket = await service.main.accepted("basketItemsAdd", items=[line()])
    assert (basket["items"][0]["price"], basket["totalAmount"]) == ("10.55", "21.10")


async def test_a_product_is_named_by_sku_and_a_division_by_id(service: Service) -> None:
    items = [{"sku": "SKU02", "divisionId": service.division("ERP02"), "quantity": 7}]
    basket = await service.main.accepted("basketItemsAdd", items=items)
    assert basket["items"][0]["product"] == {"sku": "SKU02"}
    assert basket["items"][0]["divisions"][0]["division"] == {"erpCode": "ERP02"}


async def test_the_same_product_and_division_twice_in_one_input_adds_up(
    service: Service,
) -> None:
    basket = await service.main.accepted(
        "basketItemsAdd", items=[line(quantity=2), line(quantity=5)]
    )
    assert (basket["totalQuantity"], basket["itemCount"], basket["version"]) == (7, 1, 1)


async def test_a_division_added_later_stands_last_within_its_item(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1, "ERP02"), line(2)])
    basket = await service.main.accepted(
        "basketItemsAdd", items=[line(1, quantity=3), line(3)]
    )
    assert await service.main.basket() == basket
    assert [
        [(part["division"]["erpCode"], part["quantity"]) for part in item["divisions"]]
        for item in basket["items"]
    ] == [[("ERP02", 1), ("ERP01", 3)], [("ERP01", 1)], [("ERP01", 1)]]
    assert [item["quantity"] for item in basket["items"]] == [4, 1, 1]


async def test_segments_have_baskets_and_prices_of_their_own(service: Service) -> None:
    plain = await service.main.accepted("basketItemsAdd", items=[line(4)])
    segment = await service.main.accepted(
        "basketItemsAdd", items=[line(4)], segmentRemoteId=9
    )
    assert (plain["totalAmount"], plain["segmentRemoteId"]) == ("7.00", None)
    assert (segment["totalAmount"], segment["segmentRemoteId"]) == ("6.30", 9)
    assert service.shop.requests == ["/product/4/", "/product/4/?segment=9"]
    assert await service.main.basket() == plain
    assert await service.main.basket(9) == segment


async def test_each_rejected_line_is_pointed_at(service: Service) -> None:
    items = [
        line(1),
        line(404),
        {"sku": "NONE", "divisionErpCode": "ERP01"},
        line(6),
        line(7),
    ]
    assert await service.main.rejected("basketItemsAdd", items=items) == [
        ("PRODUCT_NOT_FOUND", ["items", "1", "productRemoteId"]),
        ("PRODUCT_NOT_FOUND", ["items", "2", "sku"]),
        ("PRODUCT_UNAVAILABLE", ["items", "3", "productRemoteId"]),
        ("PRODUCT_UNAVAILABLE", ["items", "4", "productRemoteId"]),
    ]


async def test_divisions_that_may_not_be_bought_for_are_rejected(service: Service) -> None:
    items = [line(1, code) for code in ("ERP01", "ERP04", "ERP05", "ERP06", "ERP99")]
    items.append({"productRemoteId": 1, "divisionId": "not-a-number"})
    assert await service.main.rejected("basketItemsAdd", items=items) == [
        ("DIVISION_INACTIVE", ["items", "1", "divisionErpCode"]),
        ("DIVISION_NOT_ALLOWED", ["items", "2", "divisionErpCode"]),
        ("DIVISION_NOT_ALLOWED", ["items", "3", "divisionErpCode"]),
        ("DIVISION_NOT_FOUND", ["items", "4", "divisionErpCode"]),
        ("DIVISION_NOT_FOUND", ["items", "5", "divisionId"]),
    ]


async def test_a_sub_division_buys_for_itself_only(service: Service) -> None:
    await service.sub.accepted("basketItemsAdd", items=[line(1, "ERP02")])
    assert await service.sub.rejected(
        "basketItemsAdd", items=[line(1, "ERP01"), line(1, "ERP03")]
    ) == [
        ("DIVISION_NOT_ALLOWED", ["items", "0", "divisionErpCode"]),
        ("DIVISION_NOT_ALLOWED", ["items", "1", "divisionErpCode"]),
    ]


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2_147_483_647, -2_147_483_648])
async def test_a_quantity_outside_its_limits_is_rejected(
    service: Service, quantity: int
) -> None:
    items = [line(1), line(2, quantity=quantity)]
    assert await service.main.rejected("basketItemsAdd", items=items) == [
        ("INVALID_QUANTITY", ["items", "1", "quantity"])
    ]


async def test_quantities_that_add_up_above_the_limit_are_rejected(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(quantity=999_999)])
    assert await service.main.rejected(
        "basketItemsAdd", items=[line(2), line(1), line(1)]
    ) == [
        ("INVALID_QUANTITY", ["items", "1", "quantity"]),
        ("INVALID_QUANTITY", ["items", "2", "quantity"]),
    ]
    assert await service.main.rejected(
        "basketItemsAdd", items=[line(2, quantity=600_000), line(2, quantity=600_000)]
    ) == [
        ("INVALID_QUANTITY", ["items", "0", "quantity"]),
        ("INVALID_QUANTITY", ["items", "1", "quantity"]),
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"divisionErpCode": "ERP01"}, "productRemoteId"),
        (
            {"productRemoteId": 1, "sku": "SKU01", "divisionErpCode": "ERP01"},
            "productRemoteId",
        ),
        ({"productRemoteId": 1}, "divisionId"),
        (
            {"productRemoteId": 1, "divisionId": "1", "divisionErpCode": "ERP01"},
            "divisionId",
        ),
        ({"sku": "a\u0000b", "divisionErpCode": "ERP01"}, "sku"),
        ({"sku": "x" * 256, "divisionErpCode": "ERP01"}, "sku"),
        ({"productRemoteId": 1, "divisionErpCode": "a\u0007b"}, "divisionErpCode"),
    ],
)
async def test_a_line_that_makes_no_sense_is_rejected(
    service: Service, wrong: dict[str, object], field: str
) -> None:
    assert await service.main.rejected("basketItemsAdd", items=[wrong]) == [
        ("INVALID_INPUT", ["items", "0", field])
    ]


async def test_a_number_of_lines_outside_its_limits_is_rejected(service: Service) -> None:
    assert await service.main.rejected("basketItemsAdd", items=[]) == [
        ("INVALID_INPUT", ["items"])
    ]
    assert await service.main.rejected("basketItemsAdd", items=[line()] * 1001) == [
        ("INVALID_INPUT", ["items"])
    ]


async def test_a_second_currency_is_rejected(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    assert await service.main.rejected("basketItemsAdd", items=[line(2), line(5)]) == [
        ("CURRENCY_MISMATCH", ["items", "1"])
    ]
    await service.main.accepted("basketClear")
    basket = await service.main.accepted("basketItemsAdd", items=[line(5)])
    assert basket["currency"] == "eur"


async def test_nothing_changes_when_commerce_is_down(service: Service) -> None:
    service.shop.is_down = True
    assert await service.main.rejected("basketItemsAdd", items=[line()]) == [
        ("COMMERCE_UNAVAILABLE", [])
    ]


async def test_a_stale_version_is_rejected_and_the_right_one_accepted(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=[line()], expectedVersion=0)
    for wrong in (0, 2, -1):
        assert await service.main.rejected(
            "basketItemsAdd", items=[line()], expectedVersion=wrong
        ) == [("VERSION_CONFLICT", ["expectedVersion"])]
    basket = await service.main.accepted(
        "basketItemsAdd", items=[line()], expectedVersion=1
    )
    assert basket["version"] == 2
