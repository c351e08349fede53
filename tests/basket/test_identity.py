"""Ids: no two objects share one, they are never numbers alone, and inputs take them or the numbers of REST."""

from collections import Counter
from typing import Any

import pytest

from schema.node import IdKind, id_of, number_of, parsed_id
from schema.product import product_id
from tests.support.exports import completed
from tests.support.service import Caller, Service, number_in

WHOLE = """{
  viewer { id division { id parent { id } } divisions { id parent { id } } }
  activeBaskets { ...Ids } divisions { id } product(remoteId: 1) { id }
  draftBaskets { edges { node { ...Ids } } } quotations { edges { node { id basket { ...Ids } } } }
}
fragment Ids on Basket { id items { id product { id } divisions { id division { id } } } }
"""


def ids_in(value: Any, kind: str = "") -> list[str]:
    """Returns all ids within an answer."""
    if isinstance(value, list):
        return [found for each in value for found in ids_in(each)]
    if not isinstance(value, dict):
        return []
    own = [value["id"]] if "id" in value else []
    return own + [found for key, each in value.items() for found in ids_in(each, key)]


async def add(
    caller: Caller, product: int = 1, division: str = "ERP01", **more: Any
) -> dict[str, Any]:
    """Adds a product and returns the basket."""
    return await caller.accepted(
        "basketItemsAdd",
        items=[{"productRemoteId": product, "divisionErpCode": division}],
        **more,
    )


async def test_the_first_objects_of_all_types_have_ids_of_their_own(
    service: Service,
) -> None:
    await add(service.main)
    export = await completed(service.main, format="CSV")
    await add(service.main, segmentRemoteId=7)
    await add(service.main, segmentRemoteId=8)
    await service.main.accepted("basketSave", name="Draft", segmentRemoteId=8)
    await service.main.change("quotationRequest", "quotation { id }", name="Quotation")
    await add(service.main, division="ERP02")
    data = await service.main.query(WHOLE)
    (plain, seven), (draft,) = (
        data["activeBaskets"],
        [edge["node"] for edge in data["draftBaskets"]["edges"]],
    )
    (quotation,) = [edge["node"] for edge in data["quotations"]["edges"]]
    (item,) = quotation["basket"]["items"]
    number = number_in(item["id"])
    assert item == {
        "id": f"item_{number}",
        "product": {"id": f"snapshot_{number}"},
        "divisions": [{"id": f"part_{number}_1", "division": {"id": "division_1"}}],
    }
    assert data["divisions"][0] == {"id": "division_1"}
    products = [basket["items"][0]["product"]["id"] for basket in (plain, seven, draft)]
    assert products == ["product_1", "product_1_7", "product_1_8"]
    assert data["product"] == {"id": "product_1"}
    read = await service.main.query(
        f'{{ basketExport(cacheKey: "{export["cacheKey"]}") {{ id }} }}'
    )
    found = ids_in([data, read])
    counts = Counter(identifier.partition("_")[0] for identifier in set(found))
    assert counts == {
        "viewer": 1, "division": 4, "product": 3, "snapshot": 1, "basket": 4, "item": 4, "part": 4,
        "quotation": 1, "export": 1,
    }  # fmt: skip
    assert [identifier for identifier in found if identifier.isdigit()] == []


@pytest.mark.parametrize("write", [lambda identifier: identifier, number_in])
async def test_inputs_take_an_id_or_the_number_of_rest(
    service: Service, write: Any
) -> None:
    division = write(f"division_{service.division('ERP02')}")
    line = {"productRemoteId": 1, "divisionId": division, "quantity": 2}
    basket = await service.main.accepted("basketItemsAdd", items=[line])
    updated = await service.main.accepted("basketItemUpdate", **line | {"quantity": 5})
    assert (updated["id"], updated["totalQuantity"]) == (basket["id"], 5)
    named = write(basket["id"])
    document = "query ($id: ID!) { basket(id: $id) { id } }"
    assert await service.main.query(document, id=named) == {"basket": {"id": basket["id"]}}
    export = await service.main.change(
        "basketExport", "export { rowsTotal }", basketId=named
    )
    assert export == {"export": {"rowsTotal": 1}, "userErrors": []}
    await service.main.accepted("basketSave", name="Draft")
    assert (await service.main.accepted("basketLoad", basketId=named))["id"] == basket["id"]
    await service.main.accepted("basketSave", name="Draft")
    deleted = await service.main.change("basketDelete", "deletedBasketId", basketId=named)
    assert deleted == {"deletedBasketId": basket["id"], "userErrors": []}


MALFORMED = [
    "", " ", "x", "basket", "basket_", "basket_0", "basket_01", "basket_-1", "basket_+1", "basket_1 ", " basket_1",
    "basket_1\n", "basket_1_1", "Basket_1", "basket-1", "basket_1.0", "basket_1e0", "basket_٣", "b_1", "_1",
    "basket_1000000000000000000", "basket_" + "9" * 5_000, "-1", "1.0", "9" * 30, "-" + "9" * 30, "QmFza2V0OjE=",
    "division_1", "item_1", "viewer_1", "quotation_1", "snapshot_1", "product_1", "part_1_1", "export_1",
    "basket_999999", "999999999999999999",
]  # fmt: skip


async def test_a_malformed_id_answers_as_an_unknown_one(service: Service) -> None:
    number = number_in((await add(service.main))["id"])
    for identifier in (each.replace("1", number) for each in MALFORMED):
        document = "query ($id: ID!) { basket(id: $id) { id } }"
        assert (identifier, await service.main.query(document, id=identifier)) == (
            identifier,
            {"basket": None},
        )
        for mutation in ("basketLoad", "basketDelete"):
            rejected = await service.main.rejected(mutation, basketId=identifier)
            assert (identifier, rejected) == (
                identifier,
                [("BASKET_NOT_FOUND", ["basketId"])],
            )
        payload = await service.main.change(
            "basketExport", "export { id }", basketId=identifier
        )
        assert [error["message"] for error in payload["userErrors"]] == [
            "You have no basket with this id."
        ]


async def test_a_malformed_division_answers_as_an_unknown_one(service: Service) -> None:
    await add(service.main)
    malformed = [
        each.replace("basket", "division") for each in MALFORMED if "division" not in each
    ]
    for identifier in [*malformed, "basket_1"]:
        items = [{"productRemoteId": 1, "divisionId": identifier}]
        rejected = await service.main.rejected("basketItemsAdd", items=items)
        assert (identifier, rejected) == (
            identifier,
            [("DIVISION_NOT_FOUND", ["items", "0", "divisionId"])],
        )
        rejected = await service.main.rejected(
            "basketItemUpdate", productRemoteId=1, divisionId=identifier, quantity=1
        )
        assert (identifier, rejected) == (
            identifier,
            [("DIVISION_NOT_FOUND", ["divisionId"])],
        )


def test_ids_are_read_as_they_are_written() -> None:
    for kind in IdKind:
        numbers = (12, 7) if kind is IdKind.BASKET_ITEM_DIVISION else (12,)
        identifier = id_of(kind, *numbers)
        assert parsed_id(identifier) == (kind, numbers)
        assert number_of(kind, identifier) == 12
        assert not identifier.isdigit()
        assert parsed_id("12") is None
    assert parsed_id(product_id({"remote_id": 3, "segment": 0})) == (IdKind.PRODUCT, (3,))
    assert parsed_id(product_id({"remote_id": 3, "segment": 9})) == (IdKind.PRODUCT, (3, 9))
    assert parsed_id("part_1") is None
