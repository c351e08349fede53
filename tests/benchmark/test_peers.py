"""The peers of the benchmark: their answers are compared field by field, and their packages are pinned."""

import json
import re
from typing import Any

import pytest

from bench.equality import AnswersDiffer
from bench.peers.equality import comparable_basket, differences
from bench.peers.packages import FOLDER, SCRIPTS

DIVISION = {"name": "Store", "erpCode": "BS1", "type": "SUB", "isActive": True}
COMMON = {"status": "ACTIVE", "name": None, "currency": "try", "version": 3}
PRODUCT = {"remoteId": 38, "sku": "S", "name": "Ü", "currency": "try", "inStock": True}
SHOWN_AT, STORED_AT = "2026-01-02T03:04:05.678901+00:00", "2026-01-02T04:04:05.678901+01:00"


def our_basket() -> dict[str, Any]:
    """Returns a basket as ours and Mercurius answer it."""
    line = {
        "quantity": 2,
        "totalAmount": "3.00",
        "division": DIVISION | {"id": "division_2"},
    }
    product = PRODUCT | {"price": "1.60", "variants": {"rowId": 1}}
    item = {
        "id": "item_7",
        "price": "1.50",
        "quantity": 2,
        "totalAmount": "3.00",
        "productRemoteId": 38,
        "product": product | {"productImage": None},
        "divisions": [line],
    }
    sums = {"totalAmount": "3.00", "totalQuantity": 2, "itemCount": 1}
    times = {"createdAt": SHOWN_AT, "updatedAt": SHOWN_AT}
    own = {"id": "basket_5", "segmentRemoteId": None, "items": [item]}
    return COMMON | sums | times | own


def postgraphile_basket() -> dict[str, Any]:
    """Returns the same basket as PostGraphile answers it."""
    line = {
        "quantity": 2,
        "totalAmount": "300",
        "divisionByDivisionId": DIVISION | {"rowId": 2},
    }
    product = PRODUCT | {
        "price": "160",
        "variants": '{"rowId": 1}',
    }
    item = {
        "rowId": "7",
        "price": "150",
        "quantity": "2",
        "totalAmount": "300",
        "productByProductId": product | {"productImage": None},
        "basketItemDivisionsByItemIdList": [line],
    }
    sums = {"totalAmount": "300", "totalQuantity": "2", "itemCount": "1"}
    times = {"createdAt": STORED_AT, "updatedAt": STORED_AT}
    own = {"rowId": "5", "segment": 0, "basketItemsByBasketIdList": [item]}
    return COMMON | sums | times | own


def body_of(basket: dict[str, Any] | None) -> bytes:
    """Returns the answer that holds a basket."""
    return json.dumps({"data": {"activeBasket": basket}}).encode()


def test_the_same_basket_in_two_forms_has_no_differences() -> None:
    ours = comparable_basket("ours", body_of(our_basket()))
    theirs = comparable_basket("postgraphile", body_of(postgraphile_basket()))
    assert list(differences(ours, theirs)) == []


def test_each_field_that_differs_is_named() -> None:
    changed = postgraphile_basket() | {"version": 4}
    changed["basketItemsByBasketIdList"][0]["productByProductId"]["price"] = "161"
    del changed["name"]
    ours = comparable_basket("ours", body_of(our_basket()))
    theirs = comparable_basket("postgraphile", body_of(changed))
    assert list(differences(ours, theirs)) == [
        "basket.items[0].product.price: 160 and 161",
        "basket.name: None and 'missing'",
        "basket.version: 3 and 4",
    ]


def test_an_answer_without_a_basket_is_not_compared() -> None:
    with pytest.raises(AnswersDiffer, match="mercurius answered with errors"):
        comparable_basket("mercurius", body_of(None))


def test_the_packages_are_pinned_without_a_lock_file() -> None:
    versions = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
    assert not (FOLDER / "package-lock.json").exists()
    assert {path.name for path in FOLDER.glob("*.mjs")} == set(SCRIPTS)
