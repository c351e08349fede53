"""A mutation that changes nothing adds no version, and still checks `expectedVersion`."""

from typing import Any

import pytest

from models.basket.tables import Basket
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from tests.support.imports import send
from tests.support.service import Caller, Service
from tests.support.sheets import csv

CONFLICT = [("VERSION_CONFLICT", ["expectedVersion"])]
STATE = "basket { id version }"


def line(quantity: int = 1, product: int = 1) -> dict[str, Any]:
    """Returns a line of a product for ERP02."""
    return {"productRemoteId": product, "divisionErpCode": "ERP02", "quantity": quantity}


async def versions() -> dict[int, tuple[int, str, int]]:
    """Returns the version, the timestamp and the number of changes of every basket."""
    return {
        basket.id: (
            basket.version,
            basket.updated_at.isoformat(),
            await BasketChange.filter(basket_id=basket.id).count(),
        )
        for basket in await Basket.all()
    }


def change_of(name: str, service: Service) -> tuple[str, dict[str, Any]]:
    """Returns a mutation that changes nothing of a basket of three pieces of product 1."""
    one = {"productRemoteId": 1, "divisionId": service.division("ERP02"), "quantity": 3}
    changes: dict[str, tuple[str, dict[str, Any]]] = {
        "update": ("basketItemUpdate", one),
        "set": ("basketItemsSet", {"items": [line(3)]}),
        "replace": ("basketItemsSet", {"items": [line(3)], "mode": "REPLACE"}),
        "no lines": ("basketItemsSet", {"items": [line(0, product=2)]}),
        "skip": ("basketItemsAdd", {"items": [line(product=404)], "onInvalid": "SKIP"}),
        "refresh": ("basketRefresh", {}),
        "refresh of one": ("basketRefresh", {"productRemoteIds": [1]}),
        "revert": ("basketRevert", {"toVersion": 2}),
        "revert to equal": ("basketRevert", {"toVersion": 4}),
        "dry addition": ("basketItemsAdd", {"items": [line()], "dryRun": True}),
        "dry setting": ("basketItemsSet", {"items": [line(9)], "dryRun": True}),
        "dry revert": ("basketRevert", {"toVersion": 1, "dryRun": True}),
    }
    return changes[name]


NAMES = [
    *("update", "set", "replace", "no lines", "skip", "refresh", "refresh of one"),
    *("revert", "revert to equal", "dry addition", "dry setting", "dry revert"),
]


@pytest.fixture
async def filled(service: Service) -> Caller:
    """A buyer whose basket is at version 4, with three pieces of product 1, as at version 2."""
    for quantity in (1, 2, 5):
        await service.main.accepted("basketItemsAdd", items=[line(quantity)])
    await service.main.accepted("basketItemsSet", items=[line(3)])
    return service.main


@pytest.mark.parametrize("has_key", [False, True])
async def test_what_changes_nothing_adds_no_version(
    service: Service, filled: Caller, has_key: bool
) -> None:
    before = await versions()
    assert [version for version, _, _ in before.values()] == [4]
    for name in NAMES:
        # As none of them changes anything, each finds what the first one found.
        mutation, given = change_of(name, service)
        given |= {"idempotencyKey": name} if has_key else {}
        rejected = await filled.rejected(mutation, **given, expectedVersion=3)
        assert (name, rejected) == (name, CONFLICT)
        # The key belongs to the input with that version.
        await IdempotencyKey.all().delete()
        for _ in range(2):
            payload = await filled.change(mutation, STATE, **given, expectedVersion=4)
            found = (name, payload["basket"]["version"], payload["userErrors"])
            assert found == (name, 4, [])
        assert (name, await versions()) == (name, before)
        assert (name, await IdempotencyKey.all().count()) == (name, has_key)


async def test_an_empty_basket_is_cleared_without_a_version(
    service: Service, filled: Caller
) -> None:
    await filled.accepted("basketClear")
    before = await versions()
    assert await filled.rejected("basketClear", expectedVersion=4) == CONFLICT
    assert (await filled.accepted("basketClear", expectedVersion=5))["version"] == 5
    assert (await filled.accepted("basketRefresh", expectedVersion=5))["version"] == 5
    assert await filled.rejected("basketRefresh", expectedVersion=4) == CONFLICT
    assert await versions() == before


async def test_an_equal_name_and_a_dry_import_add_no_version(
    service: Service, filled: Caller
) -> None:
    draft = await filled.accepted("basketSave", name="Draft")
    before = await versions()
    for name in ("Draft", "  Draft "):
        renamed = await filled.accepted("basketRename", basketId=draft["id"], name=name)
        assert (renamed["version"], renamed["name"]) == (5, "Draft")
    assert await versions() == before
    await filled.accepted("basketLoad", basketId=draft["id"])
    before = await versions()
    file = csv([["SKU01", 1, "ERP02"]])
    assert (await send(filled, file, STATE, dryRun=True))["userErrors"] == []
    late = await send(filled, file, STATE, dryRun=True, expectedVersion=5)
    assert [error["code"] for error in late["userErrors"]] == ["VERSION_CONFLICT"]
    assert await versions() == before


async def test_copying_nothing_that_can_be_had_adds_no_version(
    service: Service, filled: Caller
) -> None:
    given = {"basketId": (await filled.accepted("basketSave", name="Source"))["id"]}
    await filled.accepted("basketItemsAdd", items=[line(product=2)])
    del service.shop.products[1]
    await filled.change("basketRefresh", "", segmentRemoteId=None)
    await filled.accepted("basketItemsAdd", items=[line(product=2)])
    before = await versions()
    dry = await filled.change("basketCopy", STATE, **given, dryRun=True, expectedVersion=2)
    assert (dry["basket"]["version"], dry["userErrors"]) == (2, [])
    assert await filled.rejected("basketCopy", **given, expectedVersion=9) == CONFLICT
    assert await versions() == before
