"""What real front ends send to the documented REST interface, and what is the same at both doors."""

from typing import Any

import httpx
import pytest

from tests.support import sheets
from tests.support.exports import ended
from tests.support.rest import MISSING, fill, line, rest
from tests.support.service import Service


async def test_whole_numbers_may_be_texts(service: Service) -> None:
    buyer = rest(service)
    texts = {name: str(value) for name, value in line(service, 1, "ERP01", 3).items()}
    assert (await buyer.accepted("POST", "basket/", json=texts))["total_quantity"] == 3
    assert (await buyer.accepted("PUT", "basket/", json=texts | {"quantity": "7"}))[
        "total_quantity"
    ] == 7
    assert (
        await buyer.accepted("POST", "basket/", json=texts | {"segment_remote_id": "8"})
    )["segment_remote_id"] == 8
    removal = {"product_remote_id": "1"}
    assert (await buyer.accepted("DELETE", "basket/", json=removal))["basket_items"] == []


BODIES: list[dict[str, Any]] = [
    {},
    {"headers": {"Content-Type": "application/json"}},
    {"headers": {"Content-Type": "text/plain"}},
    {"content": b"{}"},
    {"content": b"{}", "headers": {"Content-Type": "application/json"}},
    {"content": b"null", "headers": {"Content-Type": "application/json; charset=utf-8"}},
    {"content": b"{}", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
]


async def test_save_and_load_need_no_body_and_no_content_type(service: Service) -> None:
    buyer = rest(service)
    filled = await fill(service, buyer)
    for given in BODIES:
        assert await buyer.accepted("POST", "basket/save/", **given) == filled
        assert [
            draft["name"] for draft in await buyer.accepted("GET", "basket/drafts/")
        ] == [None]
        assert (
            await buyer.accepted("POST", f"basket/{filled['id']}/load/", **given) == filled
        )


NAMED: list[dict[str, Any]] = [
    {"json": {"name": " Basket 1 "}},
    {"content": b'{"name": "Basket 1"}'},
    {
        "content": b'{"name": "Basket 1"}',
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    {"data": {"name": "Basket 1"}},
]


async def test_a_name_is_read_from_json_and_from_forms(service: Service) -> None:
    buyer = rest(service)
    filled = await fill(service, buyer)
    for given in NAMED:
        await buyer.accepted("POST", "basket/save/", **given)
        assert [
            draft["name"] for draft in await buyer.accepted("GET", "basket/drafts/")
        ] == ["Basket 1"]
        await buyer.accepted("POST", f"basket/{filled['id']}/load/")


async def test_the_segment_is_taken_from_the_query_and_from_the_body(
    service: Service,
) -> None:
    buyer, added = rest(service), line(service, 1, "ERP01", 1)
    by_query = await buyer.accepted("POST", "basket/?segment_remote_id=5", json=added)
    by_body = await buyer.accepted(
        "POST", "basket/?segment_remote_id=5", json=added | {"segment_remote_id": 6}
    )
    by_null = await buyer.accepted(
        "POST", "basket/?segment_remote_id=5", json=added | {"segment_remote_id": None}
    )
    by_empty = await buyer.accepted("POST", "basket/?segment_remote_id=", json=added)
    assert [by_query["segment_remote_id"], by_body["segment_remote_id"]] == [5, 6]
    assert (
        by_null["segment_remote_id"],
        by_empty["segment_remote_id"],
        by_empty["total_quantity"],
    ) == (None, None, 2)
    assert await buyer.accepted("GET", "basket/?segment_remote_id=5") == by_query
    assert await buyer.accepted("GET", "basket/?segment_remote_id=7") == MISSING
    await buyer.accepted("POST", "basket/save/?segment_remote_id=5")
    await buyer.accepted("POST", "basket/save/", json={"segment_remote_id": 6})
    assert [draft["id"] for draft in await buyer.accepted("GET", "basket/drafts/")] == [
        by_body["id"],
        by_query["id"],
    ]
    chosen = await buyer.accepted("GET", "basket/drafts/?segment_remote_id=5")
    assert [draft["id"] for draft in chosen] == [by_query["id"]]


async def test_an_import_takes_a_segment_from_its_form(service: Service) -> None:
    buyer = rest(service)
    files = {"filename": ("basket.csv", sheets.csv([["SKU01", 2, "ERP01"]]))}
    await buyer.accepted(
        "POST", "basket/bulk-import/", files=files, data={"segment_remote_id": "5"}
    )
    assert (await buyer.accepted("GET", "basket/?segment_remote_id=5"))[
        "total_quantity"
    ] == 2
    assert await buyer.accepted("GET", "basket/") == MISSING


async def test_both_doors_open_into_the_same_house(service: Service) -> None:
    buyer = rest(service)
    written = await fill(service, buyer, third=True)
    read = await service.main.basket()
    assert read is not None
    assert (f"basket_{written['id']}", written["total_amount"]) == (
        read["id"],
        read["totalAmount"],
    )
    assert read["version"] == 4
    changed = await service.main.accepted("basketItemRemove", productRemoteId=1)
    again = await buyer.accepted("GET", "basket/")
    assert (again["total_amount"], changed["totalAmount"]) == ("50.00", "50.00")


async def test_a_key_makes_a_change_once_at_both_doors(service: Service) -> None:
    buyer, body, headers = (
        rest(service),
        line(service, 1, "ERP01", 3),
        {"Idempotency-Key": "once"},
    )
    first = await buyer.accepted("POST", "basket/", json=body, headers=headers)
    assert first["total_quantity"] == 3
    assert await buyer.accepted("POST", "basket/", json=body, headers=headers) == first
    item = {"productRemoteId": 1, "divisionId": service.division("ERP01"), "quantity": 3}
    again = await service.main.accepted(
        "basketItemsAdd", items=[item], idempotencyKey="once"
    )
    assert (again["totalQuantity"], again["version"]) == (3, 1)
    assert await buyer.rejected(
        "POST", "basket/", json=body | {"quantity": 4}, headers=headers
    ) == (
        400,
        {"non_field_errors": ["The key 'once' was used before with another input."]},
    )
    assert await buyer.rejected(
        "POST", "basket/", json=body, headers={"Idempotency-Key": " "}
    ) == (
        400,
        {"Idempotency-Key": ["The idempotency key ' ' is blank."]},
    )


@pytest.mark.parametrize(
    "key", ["", " ", "\u00a0", "\u200b", "\u3164", "k" * 256, "a\u0085"]
)
async def test_the_header_rejects_the_keys_that_graphql_rejects(
    service: Service, key: str
) -> None:
    buyer, body = rest(service), line(service, 1, "ERP01", 3)
    headers = [("Idempotency-Key", key.encode())]
    status, messages = await buyer.rejected("POST", "basket/", json=body, headers=headers)
    assert (status, list(messages)) == (400, ["Idempotency-Key"])
    twice = [("Idempotency-Key", b"a"), ("Idempotency-Key", b"b")]
    assert await buyer.rejected("POST", "basket/", json=body, headers=twice) == (
        400,
        {"Idempotency-Key": ["The header is sent 2 times; send one key."]},
    )


async def test_a_key_of_any_script_is_one_at_both_doors(service: Service) -> None:
    buyer, body = rest(service), line(service, 1, "ERP01", 3)
    key = "می\u200cخواهم 👨\u200d👩\u200d👧 clé\u00a01"
    headers = [("Idempotency-Key", key.encode())]
    await buyer.accepted("POST", "basket/", json=body, headers=headers)
    item = {"productRemoteId": 1, "divisionId": service.division("ERP01"), "quantity": 3}
    again = await service.main.accepted("basketItemsAdd", items=[item], idempotencyKey=key)
    assert (again["totalQuantity"], again["version"]) == (3, 1)


async def test_a_form_that_is_not_utf_8_is_rejected(service: Service) -> None:
    buyer = rest(service)
    await buyer.accepted("POST", "basket/", json=line(service, 1, "ERP01", 3))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"name=caf\xe9", b"name=caf%E9"):
        assert await buyer.rejected(
            "POST", "basket/save/", content=body, headers=headers
        ) == (
            400,
            {"non_field_errors": ["The form is not text in UTF-8."]},
        )


FIELDS = [
    (
        "fields=division__erp_code%0A&fields=product__sku%0A",
        ["division__erp_code", "product__sku"],
    ),
    ("fields=quantity&fields=price", ["quantity", "price"]),
    ("fields=quantity,price", ["quantity", "price"]),
    (
        "format=csv",
        [
            "product__sku",
            "division",
            "division__erp_code",
            "division__name",
            "price",
            "quantity",
            "product_remote_id",
        ],
    ),
]


@pytest.mark.parametrize(("query", "header"), FIELDS)
async def test_an_export_is_asked_for_watched_and_downloaded(
    service: Service, query: str, header: list[str]
) -> None:
    buyer = rest(service)
    await fill(service, buyer)
    query += "" if "format" in query else "&format=csv"
    asked = await buyer.accepted("GET", f"basket/?{query}")
    assert list(asked) == ["cache_key"]
    key = asked["cache_key"]
    early = await buyer.accepted("GET", f"basket/?status_cache_key={key}")
    assert early["status"] in ("waiting", "processing", "completed")
    assert (await ended(service.main, key))["status"] == "COMPLETED"
    state = await buyer.accepted("GET", f"basket/?status_cache_key={key}")
    assert list(state) == ["is_ready", "url", "status"]
    assert (state["is_ready"], state["status"]) == (True, "completed")
    address = httpx.URL(state["url"])
    assert address.path == f"/export_file/{key}.csv"
    file = await service.client.get(address.raw_path.decode())
    assert (file.status_code, file.text.lstrip("\ufeff").splitlines()[0].split(",")) == (
        200,
        header,
    )


async def test_an_export_is_an_xls_when_nothing_else_is_said(service: Service) -> None:
    buyer = rest(service)
    await fill(service, buyer)
    key = (await buyer.accepted("GET", "basket/?fields=product__sku"))["cache_key"]
    waiting = await buyer.accepted("GET", f"basket/?status_cache_key={key}")
    assert waiting["is_ready"] or waiting["url"] is None
    assert (await ended(service.main, key))["format"] == "XLS"
