"""What the documented REST interface rejects: in the words of Django REST Framework, and with nothing changed."""

import logging
from typing import Any

import pytest

import web.rest.basket
from tests.support.rest import fill, line, rest
from tests.support.service import Service

WHOLE = "is not a whole number."


LIMITS = "is not between -2147483648 and 2147483647."


VALUES: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
    ({"quantity": "abc"}, {"quantity": [f"'abc' {WHOLE}"]}),
    ({"quantity": 1.5}, {"quantity": [f"1.5 {WHOLE}"]}),
    ({"quantity": True}, {"quantity": [f"True {WHOLE}"]}),
    ({"quantity": [1]}, {"quantity": [f"[1] {WHOLE}"]}),
    ({"quantity": None}, {"quantity": ["This field may not be null."]}),
    ({"quantity": 0}, {"quantity": ["Quantity 0 is not between 1 and 1000000."]}),
    (
        {"quantity": 1_000_001},
        {"quantity": ["Quantity 1000001 is not between 1 and 1000000."]},
    ),
    ({"quantity": 10**12}, {"quantity": [f"1000000000000 {LIMITS}"]}),
    ({"product_remote_id": "٣"}, {"product_remote_id": [f"'٣' {WHOLE}"]}),
    (
        {"product_remote_id": 99},
        {"product_remote_id": ["Product 99 is not known to Commerce."]},
    ),
    ({"product_remote_id": 6}, {"product_remote_id": ["Product 6 is not for sale now."]}),
    (
        {"product_remote_id": -1},
        {"product_remote_id": ["Product -1 is not known to Commerce."]},
    ),
    ({"division": 99}, {"division": ["There is no division 99."]}),
    ({"division": -1}, {"division": ["There is no division -1."]}),
    ({"division": 2**31}, {"division": [f"2147483648 {LIMITS}"]}),
    (
        {"segment_remote_id": 0},
        {"segment_remote_id": ["Segment 0 is not a positive number."]},
    ),
    ({"segment_remote_id": "x"}, {"segment_remote_id": [f"'x' {WHOLE}"]}),
    (
        {"quantity": "many", "division": {}, "segment_remote_id": "x"},
        {
            "division": [f"{{}} {WHOLE}"],
            "quantity": [f"'many' {WHOLE}"],
            "segment_remote_id": [f"'x' {WHOLE}"],
        },
    ),
]


async def test_a_value_that_cannot_be_added_is_named(service: Service) -> None:
    buyer = rest(service)
    for changes, expected in VALUES:
        answer = await buyer.rejected(
            "POST", "basket/", json=line(service, 1, "ERP01", 1) | changes
        )
        assert answer == (400, expected)


async def test_everything_that_is_missing_is_named(service: Service) -> None:
    missing = ["This field is required."]
    everything = {"product_remote_id": missing, "division": missing, "quantity": missing}
    buyer = rest(service)
    assert await buyer.rejected("POST", "basket/") == (400, everything)
    assert await buyer.rejected("PUT", "basket/", json={}) == (400, everything)
    assert await buyer.rejected("DELETE", "basket/", json={}) == (
        400,
        {"product_remote_id": missing},
    )
    assert await buyer.rejected("POST", "my-quotations/", json={}) == (
        400,
        {"name": missing},
    )


async def test_the_rules_of_divisions_hold_here_too(service: Service) -> None:
    buyer = rest(service, "sub")
    foreign = await buyer.rejected("POST", "basket/", json=line(service, 1, "ERP01", 1))
    assert foreign == (
        400,
        {
            "division": [
                "You may not buy for division ERP01: it is neither your own division (ERP02) nor one below it."
            ]
        },
    )
    closed = await rest(service).rejected(
        "POST", "basket/", json=line(service, 1, "ERP04", 1)
    )
    assert closed == (400, {"division": ["Division ERP04 is inactive."]})


async def test_a_currency_of_its_own_is_rejected(service: Service) -> None:
    buyer = rest(service)
    await fill(service, buyer)
    assert await buyer.rejected("POST", "basket/", json=line(service, 5, "ERP01", 1)) == (
        400,
        {
            "non_field_errors": [
                "Product 5 is priced in eur, the basket in try; all items share one currency."
            ]
        },
    )


async def test_what_is_not_there_is_rejected(service: Service) -> None:
    buyer, nothing = (
        rest(service),
        (400, {"non_field_errors": ["You have no active basket without a segment."]}),
    )
    assert (
        await buyer.rejected("PUT", "basket/", json=line(service, 1, "ERP01", 1)) == nothing
    )
    assert (
        await buyer.rejected("DELETE", "basket/", json={"product_remote_id": 1}) == nothing
    )
    assert await buyer.rejected("POST", "basket/save/", json={"name": "x"}) == nothing
    assert await buyer.rejected("POST", "my-quotations/", json={"name": "x"}) == nothing
    assert await buyer.rejected("GET", "basket/?format=csv") == nothing
    await fill(service, buyer)
    absent = (400, {"product_remote_id": ["Product 3 is not in the basket."]})
    assert (
        await buyer.rejected("PUT", "basket/", json=line(service, 3, "ERP01", 1)) == absent
    )
    assert (
        await buyer.rejected("DELETE", "basket/", json={"product_remote_id": 3}) == absent
    )
    other = (
        400,
        {
            "division": [
                f"Product 2 is not in the basket for division {service.division('ERP01')}."
            ]
        },
    )
    assert (
        await buyer.rejected("PUT", "basket/", json=line(service, 2, "ERP01", 0)) == other
    )


async def test_a_blank_or_long_name_is_rejected(service: Service) -> None:
    buyer = rest(service)
    await fill(service, buyer)
    for path in ("basket/save/", "my-quotations/"):
        assert await buyer.rejected("POST", path, json={"name": " "}) == (
            400,
            {"name": ["The name ' ' is blank."]},
        )
        assert await buyer.rejected("POST", path, json={"name": 7}) == (
            400,
            {"name": ["7 is not a text."]},
        )
        assert await buyer.rejected("POST", path, json={"name": "x" * 256}) == (
            400,
            {"name": ["The name has 256 characters; at most 255 are allowed."]},
        )


async def test_another_buyers_basket_and_export_are_not_found(service: Service) -> None:
    buyer, nothing = rest(service), (404, {"detail": "Not found."})
    filled = await fill(service, buyer)
    key = (await buyer.accepted("GET", "basket/?format=csv"))["cache_key"]
    await buyer.accepted("POST", "basket/save/")
    for stranger in (rest(service, "sub"), rest(service, "other")):
        assert await stranger.rejected("POST", f"basket/{filled['id']}/load/") == nothing
        assert await stranger.rejected("GET", f"basket/?status_cache_key={key}") == nothing
    assert await buyer.rejected("POST", "basket/999/load/") == nothing
    assert await buyer.rejected("POST", "basket/x/load/") == nothing
    assert await buyer.rejected("POST", f"basket/{'9' * 30}/load/") == nothing
    assert await buyer.rejected("GET", "basket/?status_cache_key=x") == nothing


async def test_an_active_basket_is_not_loaded(service: Service) -> None:
    buyer = rest(service)
    active = (await fill(service, buyer))["id"]
    message = "The basket is active; only a draft can be loaded."
    assert await buyer.rejected("POST", f"basket/{active}/load/") == (
        400,
        {"non_field_errors": [message]},
    )


QUERIES = [
    (
        "basket/?fields=product__sku,colour",
        {
            "fields": [
                "'colour' is not one of product__sku, division, division__erp_code, division__name, price, quantity, "
                "product_remote_id."
            ]
        },
    ),
    (
        "basket/?fields=",
        {"fields": ["The list of fields is empty; leave it out for all fields."]},
    ),
    ("basket/?format=pdf", {"format": ["'pdf' is not one of csv, xls, xlsx."]}),
    ("basket/?segment_remote_id=x", {"segment_remote_id": [f"'x' {WHOLE}"]}),
    (
        "basket/?segment_remote_id=-1",
        {"segment_remote_id": ["Segment -1 is not a positive number."]},
    ),
    ("basket/drafts/?segment_remote_id=x", {"segment_remote_id": [f"'x' {WHOLE}"]}),
    ("my-divisions/?page=0", {"page": ["0 is not a positive number."]}),
    ("my-divisions/?page=x", {"page": [f"'x' {WHOLE}"]}),
    ("my-quotations/?limit=101", {"limit": ["101 is not between 1 and 100."]}),
]


async def test_a_query_that_cannot_be_answered_is_named(service: Service) -> None:
    buyer = rest(service)
    await fill(service, buyer)
    for path, expected in QUERIES:
        assert await buyer.rejected("GET", path) == (400, expected)


async def test_a_page_beyond_the_last_is_not_found(service: Service) -> None:
    buyer = rest(service)
    for path in (
        "my-divisions/?page=2",
        "my-quotations/?page=2",
        f"my-quotations/?page={2**31 - 1}",
    ):
        assert await buyer.rejected("GET", path) == (404, {"detail": "Not found."})


async def test_a_commerce_that_does_not_answer_is_503(service: Service) -> None:
    service.shop.is_down = True
    status, answer = await rest(service).rejected(
        "POST", "basket/", json=line(service, 1, "ERP01", 1)
    )
    assert (status, list(answer)) == (503, ["detail"])
    assert answer["detail"].startswith("Commerce cannot be asked for products")


async def test_a_fault_of_ours_is_masked_and_logged(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(rows: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(web.rest.basket, "basket_answer", fail)
    with caplog.at_level(logging.ERROR, "basket"):
        answer = await rest(service).ask("GET", "basket/")
    assert (answer.status_code, answer.json()) == (
        500,
        {"detail": "Something went wrong on our side."},
    )
    assert [record.getMessage() for record in caplog.records] == [
        "An unexpected error at /api/v1/basket/."
    ]
