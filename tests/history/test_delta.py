"""What differs from an earlier version: what a client must replace and drop, and nothing else."""

from typing import Any

import pytest

from models.history.tables import BasketChange
from models.product.tables import Product
from tests.support.deltas import DELTA, apply_delta, read_delta, read_state
from tests.support.lines import line
from tests.support.service import Caller, Service

EMPTY = {"removedItemIds": [], "items": [], "isComplete": False}


async def add(caller: Caller, *products: int, division: str = "ERP01") -> dict[str, Any]:
    """Adds products for a division and returns the state of the active basket."""
    items = [line(product, division=division) for product in products]
    await caller.accepted("basketItemsAdd", items=items)
    return await read_state(caller)


async def set_quantity(
    service: Service, product: int, division: str, quantity: int
) -> None:
    """Sets the quantity of a product in the active basket of `main`."""
    await service.main.accepted(
        "basketItemUpdate",
        productRemoteId=product,
        divisionId=service.division(division),
        quantity=quantity,
    )


def names_of(delta: dict[str, Any]) -> list[int]:
    """Returns the products of the items of a delta."""
    return [item["productRemoteId"] for item in delta["items"]]


async def test_a_client_that_is_up_to_date_gets_nothing(service: Service) -> None:
    state = await add(service.main, 1, 2)
    delta = await read_delta(service.main, 1)
    basket = {name: value for name, value in state.items() if name != "items"}
    assert delta == {"sinceVersion": 1, "basket": basket, **EMPTY}
    assert basket["version"] == 1


async def test_new_and_changed_items_are_sent_and_those_gone_are_named(
    service: Service,
) -> None:
    before = await add(service.main, 1, 2, 3)
    await set_quantity(service, 2, "ERP01", 7)
    await service.main.accepted("basketItemRemove", productRemoteId=1)
    after = await add(service.main, 4)
    delta = await read_delta(service.main, 1)
    assert names_of(delta) == [2, 4]
    assert delta["removedItemIds"] == [before["items"][0]["id"]]
    assert (delta["sinceVersion"], delta["isComplete"]) == (1, False)
    assert delta["basket"]["version"] == after["version"] == 4
    assert apply_delta(before["items"], delta) == after["items"]


async def test_items_that_changed_and_changed_back_are_not_sent(service: Service) -> None:
    before = await add(service.main, 1, 2)
    await set_quantity(service, 1, "ERP01", 7)
    await add(service.main, 2, division="ERP02")
    await set_quantity(service, 1, "ERP01", 1)
    await set_quantity(service, 2, "ERP02", 0)
    delta = await read_delta(service.main, 1)
    assert (delta["items"], delta["removedItemIds"]) == ([], [])
    assert apply_delta(before["items"], delta) == (await read_state(service.main))["items"]
    assert names_of(await read_delta(service.main, 2)) == [1]
    assert names_of(await read_delta(service.main, 4)) == [2]


async def test_items_that_came_and_went_are_not_named(service: Service) -> None:
    await add(service.main, 1)
    await add(service.main, 2)
    await service.main.accepted("basketItemRemove", productRemoteId=2)
    delta = await read_delta(service.main, 1)
    assert (delta["items"], delta["removedItemIds"]) == ([], [])
    assert len((await read_delta(service.main, 2))["removedItemIds"]) == 1


async def test_an_item_that_was_added_again_has_a_new_id_and_comes_last(
    service: Service,
) -> None:
    before = await add(service.main, 1, 2)
    await service.main.accepted("basketItemRemove", productRemoteId=1)
    after = await add(service.main, 1)
    delta = await read_delta(service.main, 1)
    assert delta["removedItemIds"] == [before["items"][0]["id"]]
    assert [item["id"] for item in delta["items"]] == [after["items"][1]["id"]]
    assert apply_delta(before["items"], delta) == after["items"]


async def test_a_division_that_was_added_again_comes_last_in_its_item(
    service: Service,
) -> None:
    await add(service.main, 1)
    before = await add(service.main, 1, division="ERP02")
    await set_quantity(service, 1, "ERP01", 0)
    after = await add(service.main, 1)
    divisions = [part["division"]["id"] for part in after["items"][0]["divisions"]]
    assert divisions == ["division_2", "division_1"]
    assert apply_delta(before["items"], await read_delta(service.main, 2)) == after["items"]


async def test_refreshed_prices_are_changes_and_descriptions_are_not(
    service: Service,
) -> None:
    await add(service.main, 1, 2)
    service.shop.sell(1, "11.00")
    service.shop.sell(2, "20.00", name="Another name")
    await service.main.accepted("basketRefresh")
    assert await Product.filter(name="Another name").count() == 1
    delta = await read_delta(service.main, 1)
    assert [(item["productRemoteId"], item["price"]) for item in delta["items"]] == [
        (1, "11.00")
    ]
    service.shop.sell(1, "10.55")
    await service.main.accepted("basketRefresh")
    assert (await read_delta(service.main, 1))["items"] == []


async def test_a_refresh_to_another_currency_at_equal_prices_is_a_change(
    service: Service,
) -> None:
    before = await add(service.main, 1, 2)
    service.shop.sell(1, "10.55", currency_type="eur")
    service.shop.sell(2, "20.00", currency_type="eur")
    await service.main.accepted("basketRefresh")
    delta = await read_delta(service.main, 1)
    assert (names_of(delta), delta["basket"]["currency"]) == ([1, 2], "eur")
    assert before["currency"] == "try"


@pytest.mark.parametrize("since", [0, -1, -(2**31), 3, 2**31 - 1])
async def test_versions_that_the_history_knows_nothing_of_get_every_item(
    service: Service, since: int
) -> None:
    await add(service.main, 1)
    state = await add(service.main, 2)
    delta = await read_delta(service.main, since)
    assert (delta["sinceVersion"], delta["isComplete"]) == (0, True)
    assert (delta["items"], delta["removedItemIds"]) == (state["items"], [])


async def test_beyond_the_stored_history_every_item_is_sent(service: Service) -> None:
    for product in (1, 2, 3, 4):
        state = await add(service.main, product)
    await BasketChange.filter(version__lte=2).delete()
    assert (await read_delta(service.main, 2))["isComplete"] is False
    delta = await read_delta(service.main, 1)
    assert (delta["isComplete"], delta["items"]) == (True, state["items"])


async def test_a_gap_in_the_history_is_no_history(service: Service) -> None:
    for product in (1, 2, 3, 4):
        state = await add(service.main, product)
    await BasketChange.filter(version=3).delete()
    assert (await read_delta(service.main, 3))["isComplete"] is False
    for since in (1, 2):
        delta = await read_delta(service.main, since)
        assert (delta["isComplete"], delta["items"]) == (True, state["items"])


@pytest.mark.parametrize("lines", ['{"format": 2}', '{"format": 2, "items": {"a": 1}}'])
async def test_lines_in_a_format_of_another_release_get_every_item(
    service: Service, lines: str
) -> None:
    for product in (1, 2, 3):
        state = await add(service.main, product)
    await BasketChange.filter(version=2).update(lines=lines)
    assert names_of(await read_delta(service.main, 2)) == [3]
    delta = await read_delta(service.main, 1)
    assert (delta["isComplete"], delta["items"]) == (True, state["items"])


async def test_more_lines_than_are_read_get_every_item(service: Service) -> None:
    for product in (1, 2, 3):
        state = await add(service.main, product)
    await BasketChange.filter(version=2).update(line_count=50_000)
    delta = await read_delta(service.main, 1)
    assert (delta["isComplete"], delta["items"]) == (True, state["items"])
    await BasketChange.filter(version=2).update(line_count=49_999)
    assert (await read_delta(service.main, 1))["isComplete"] is False


async def test_saving_naming_and_submitting_change_the_basket_alone(
    service: Service,
) -> None:
    state = await add(service.main, 1, 2)
    await service.main.accepted("basketSave", name="Draft")
    delta = await read_delta(service.main, 1, state["id"])
    assert (delta["items"], delta["removedItemIds"]) == ([], [])
    assert (delta["basket"]["status"], delta["basket"]["name"]) == ("DRAFT", "Draft")
    await service.main.accepted("basketLoad", basketId=state["id"])
    await service.main.change("quotationRequest", "quotation { id }", name="Q")
    delta = await read_delta(service.main, 1, state["id"])
    assert (delta["items"], delta["basket"]["version"]) == ([], 4)
    assert (delta["isComplete"], delta["basket"]["status"]) == (False, "SUBMITTED")


async def test_clearing_names_every_item(service: Service) -> None:
    state = await add(service.main, 1, 2)
    await service.main.accepted("basketClear")
    delta = await read_delta(service.main, 1)
    assert delta["removedItemIds"] == [item["id"] for item in state["items"]]
    assert (delta["items"], delta["basket"]["currency"]) == ([], None)


async def test_a_foreign_basket_has_no_delta(service: Service) -> None:
    state = await add(service.main, 1)
    data = await service.sub.query(
        f'{{ basket(id: "{state["id"]}") {{ delta(sinceVersion: 1) {{ isComplete }} }} }}'
    )
    assert data == {"basket": None}


async def test_a_basket_of_500_items_of_which_one_changed_takes_little(
    service: Service,
) -> None:
    for product in range(1, 501):
        service.shop.sell(product, "1.00")
    await add(service.main, *range(1, 501))
    await set_quantity(service, 250, "ERP01", 3)
    response = await service.main.post(
        "{ activeBasket { delta(sinceVersion: 1) { ...Delta } } }" + DELTA
    )
    delta = response.json()["data"]["activeBasket"]["delta"]
    assert names_of(delta) == [250]
    assert len(response.content) < 2_000
