"""Idempotency keys: one effect, one answer."""

from datetime import timedelta
from typing import Any

from graphql import GraphQLSchema, get_named_type

from application import schema
from models.idempotency import IdempotencyKey, delete_expired_keys
from models.timestamps import now
from tests.support.imports import send
from tests.support.service import Service
from tests.support.sheets import csv


def add(quantity: int = 1, key: str = "key-1") -> dict[str, Any]:
    """Returns the input of an addition with a key."""
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": quantity}]
    return {"items": items, "idempotencyKey": key}


async def test_a_retry_changes_nothing_more_and_shows_the_basket_as_it_is_now(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", **add(2))
    now_held = await service.main.accepted("basketItemsAdd", **add(3, "key-2"))
    service.shop.is_down = True
    assert await service.main.accepted("basketItemsAdd", **add(2)) == now_held
    assert (now_held["totalQuantity"], now_held["version"]) == (5, 2)
    assert await service.main.basket() == now_held


async def test_a_retry_may_ask_for_other_fields(service: Service) -> None:
    await service.main.change("basketItemsAdd", "basket { version }", **add(2))
    basket = await service.main.accepted("basketItemsAdd", **add(2))
    assert [item["quantity"] for item in basket["items"]] == [2]
    assert basket["totalAmount"] == "21.10"


async def test_a_key_with_another_input_is_rejected(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", **add(2))
    assert await service.main.rejected("basketItemsAdd", **add(3)) == [
        ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    ]
    assert await service.main.rejected("basketClear", idempotencyKey="key-1") == [
        ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    ]


async def test_an_id_and_its_number_and_a_default_and_nothing_are_the_same_input(
    service: Service,
) -> None:
    number = service.division("ERP02")
    line = {"productRemoteId": 1, "divisionId": number}
    again = {"productRemoteId": 1, "divisionId": f"division_{number}", "quantity": 1}
    keyed = {"idempotencyKey": "add"}
    first = await service.main.accepted("basketItemsAdd", items=[line], **keyed)
    for items in ([line], [again], [again | {"sku": None}]):
        assert (
            await service.main.accepted(
                "basketItemsAdd", items=items, expectedVersion=None, **keyed
            )
            == first
        )
    other = {"items": [line | {"divisionId": service.division("ERP01")}], **keyed}
    reused = [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]
    assert await service.main.rejected("basketItemsAdd", **other) == reused
    saved = (await service.main.accepted("basketSave", name="Draft"))["id"]
    await service.main.accepted("basketLoad", basketId=saved, idempotencyKey="load")
    number = saved.removeprefix("basket_")
    await service.main.accepted("basketLoad", basketId=number, idempotencyKey="load")
    load = {"basketId": f"{number}0", "idempotencyKey": "load"}
    assert await service.main.rejected("basketLoad", **load) == reused


async def test_a_key_belongs_to_one_user(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", **add(2))
    basket = await service.sub.accepted("basketItemsAdd", **add(3))
    assert basket["totalQuantity"] == 3


async def test_a_rejection_is_answered_again_even_when_its_reason_is_gone(
    service: Service,
) -> None:
    clear = {"idempotencyKey": "key-1"}
    assert await service.main.rejected("basketClear", **clear) == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    await service.main.accepted("basketItemsAdd", **add(2, "key-2"))
    assert await service.main.rejected("basketClear", **clear) == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]


async def test_a_retry_after_commerce_was_down_is_tried_anew(service: Service) -> None:
    service.shop.is_down = True
    assert await service.main.rejected("basketItemsAdd", **add(2)) == [
        ("COMMERCE_UNAVAILABLE", [])
    ]
    service.shop.is_down = False
    assert (await service.main.accepted("basketItemsAdd", **add(2)))["totalQuantity"] == 2


async def test_a_key_is_forgotten_after_24_hours(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", **add(2))
    await IdempotencyKey.all().update(created_at=now() - timedelta(hours=23, minutes=59))
    await delete_expired_keys()
    assert (await service.main.accepted("basketItemsAdd", **add(2)))["version"] == 1
    await IdempotencyKey.all().update(created_at=now() - timedelta(hours=24, seconds=1))
    assert (await service.main.accepted("basketItemsAdd", **add(2)))["version"] == 2
    await IdempotencyKey.all().update(created_at=now() - timedelta(hours=24, seconds=1))
    await delete_expired_keys()
    assert await IdempotencyKey.all().count() == 0


async def test_every_mutation_takes_a_key(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", **add(2, "a"))
    one = {"productRemoteId": 1, "divisionId": service.division("ERP02"), "quantity": 9}
    await service.main.accepted("basketItemUpdate", **one, idempotencyKey="b")
    await service.main.accepted("basketRefresh", idempotencyKey="c")
    saved = await service.main.accepted("basketSave", name="One", idempotencyKey="d")
    load = {"basketId": saved["id"], "idempotencyKey": "e"}
    await service.main.accepted("basketLoad", **load)
    remove = {"productRemoteId": 1, "idempotencyKey": "f"}
    removed = await service.main.change("basketItemRemove", "removedItemIds", **remove)
    await service.main.accepted("basketClear", idempotencyKey="g")
    await service.main.accepted("basketItemsAdd", **add(2, "h"))
    await service.main.accepted("basketSave", name="Two", idempotencyKey="i")
    deletion = {"basketId": saved["id"], "idempotencyKey": "j"}
    deleted = await service.main.change("basketDelete", "deletedBasketId", **deletion)
    await service.main.accepted("basketItemsAdd", **add(2, "k"))
    asked = {"name": "Q", "idempotencyKey": "l"}
    selection = "quotation { id number createdAt } basket { id }"
    quoted = await service.main.change("quotationRequest", selection, **asked)
    before = await service.main.everything()
    gone: list[tuple[str, dict[str, Any]]] = [
        ("basketItemsAdd", add(2, "a")),
        ("basketItemUpdate", one | {"idempotencyKey": "b"}),
        ("basketRefresh", {"idempotencyKey": "c"}),
        ("basketSave", {"name": "One", "idempotencyKey": "d"}),
        ("basketLoad", load),
        ("basketItemRemove", remove),
        ("basketClear", {"idempotencyKey": "g"}),
    ]
    for mutation, given in gone:
        payload = await service.main.change(mutation, **given)
        assert payload == {"basket": None, "userErrors": []}, mutation
    again = service.main.change
    assert await again("basketItemRemove", "removedItemIds", **remove) == removed
    assert await again("basketDelete", "deletedBasketId", **deletion) == deleted
    assert await again("quotationRequest", selection, **asked) == quoted
    assert await service.main.everything() == before


BLANK = [
    "",
    " ",
    "\t",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u2060\u00ad",
    "\u3164",
]
FLAWED = ["k" * 256, "a\0", "a\nb", "\x7f", "\ufffe", "a\u2028"]
INPUTS: dict[str, dict[str, Any]] = {
    "basketItemsAdd": {"items": [{"productRemoteId": 2, "divisionErpCode": "ERP02"}]},
    "basketItemUpdate": {"productRemoteId": 1, "divisionId": "DIVISION", "quantity": 9},
    "basketItemRemove": {"productRemoteId": 1},
    "basketClear": {},
    "basketSave": {"name": "Name"},
    "basketLoad": {"basketId": "DRAFT"},
    "basketDelete": {"basketId": "DRAFT"},
    "basketRename": {"basketId": "DRAFT", "name": "Other"},
    "basketCopy": {"basketId": "DRAFT"},
    "basketRefresh": {},
    "basketRevert": {"toVersion": 1},
    "basketItemsSet": {
        "items": [{"sku": "SKU02", "divisionErpCode": "ERP02", "quantity": 3}]
    },
    "basketExport": {},
    "quotationRequest": {"name": "Name"},
}


def with_key(schema: GraphQLSchema) -> set[str]:
    """Names the mutations whose input takes a key."""
    assert schema.mutation_type is not None
    fields = schema.mutation_type.fields
    kinds = {
        name: get_named_type(field.args["input"].type) for name, field in fields.items()
    }
    return {name for name, kind in kinds.items() if "idempotencyKey" in kind.fields}


async def test_a_blank_or_flawed_key_is_rejected_by_every_mutation(
    service: Service,
) -> None:
    assert with_key(schema._schema) == set(INPUTS) | {"basketImport"}
    await service.main.accepted("basketItemsAdd", **add(2, "a"))
    draft = (await service.main.accepted("basketSave", name="Draft"))["id"]
    await service.main.accepted("basketItemsAdd", **add(2, "b"))
    stands_for = {"DRAFT": draft, "DIVISION": service.division("ERP02")}
    before = await service.main.everything()
    rejected = [("INVALID_INPUT", ["idempotencyKey"])]
    for mutation, given in INPUTS.items():
        values = {name: stands_for.get(str(value), value) for name, value in given.items()}
        for key in (*BLANK, *FLAWED):
            payload = await service.main.change(mutation, "", **values, idempotencyKey=key)
            codes = [(error["code"], error["field"]) for error in payload["userErrors"]]
            assert codes == rejected, (mutation, key)
    for key in (*BLANK, *FLAWED):
        payload = await send(service.main, csv([["SKU01", 1, "ERP02"]]), idempotencyKey=key)
        codes = [(error["code"], error["field"]) for error in payload["userErrors"]]
        assert codes == rejected, key
    assert await service.main.everything() == before
    assert await IdempotencyKey.all().count() == 2


async def test_a_key_may_be_any_text_of_255_characters(service: Service) -> None:
    keys = ["k" * 255, "👨\u200d👩\u200d👧", "می\u200cخواهم", "clé\u00a01", " a"]
    for place, key in enumerate(keys, 1):
        first = await service.main.accepted("basketItemsAdd", **add(1, key))
        assert await service.main.accepted("basketItemsAdd", **add(1, key)) == first
        assert first["version"] == place
