"""Reverts while the basket is changed by others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.lines import line
from tests.support.reverts import (
    age_products,
    history,
    quantities,
    rejected_lines,
    revert,
    reverted,
)
from tests.support.service import Service
from tests.support.waiting import eventually


async def add(service: Service, *lines: dict[str, object]) -> dict[str, Any]:
    """Adds lines for the buyer of the main division."""
    return await service.main.accepted("basketItemsAdd", items=list(lines))


@asynccontextmanager
async def reverting(service: Service) -> AsyncIterator[asyncio.Task[dict[str, Any]]]:
    """Starts a revert to version 1, and lets Commerce answer it when the block ends."""
    service.shop.requests.clear()
    service.shop.gate = asyncio.Event()
    task = asyncio.create_task(revert(service.main, 1))
    try:
        await eventually(lambda: bool(service.shop.requests), "The request to Commerce")
        yield task
    finally:
        service.shop.gate.set()
        await asyncio.wait([task])


async def test_an_addition_while_commerce_answers_is_undone_too(service: Service) -> None:
    await add(service, line(1, "ERP01", 5), line(2, "ERP01", 5))
    await service.main.accepted("basketItemRemove", productRemoteId=1)
    await age_products(remote_id=1)
    async with reverting(service) as task:
        basket = await add(service, line(2, "ERP01", 4), line(2, "ERP02", 7))
        assert basket["version"] == 3
    payload = task.result()
    assert quantities(payload["basket"]) == {2: {"ERP01": 5}, 1: {"ERP01": 5}}
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (4, 3)
    # What Commerce said is good for the basket as it was found.
    assert service.shop.requests == ["/product/1/"]
    recorded = (await history())[-1]
    assert [(each.quantity_before, each.quantity_after) for each in recorded.lines] == [
        (0, 5),
        (9, 5),
        (7, 0),
    ]


async def test_an_addition_of_another_product_begins_the_work_again(
    service: Service,
) -> None:
    await add(service, line(1, "ERP01", 5))
    await add(service, line(3))
    await service.main.accepted("basketClear")
    await age_products(remote_id=1)
    async with reverting(service) as task:
        await add(service, line(3, "ERP02", 2))
    payload = task.result()
    assert quantities(payload["basket"]) == {1: {"ERP01": 5}}
    assert (payload["basket"]["version"], payload["acceptedCount"]) == (5, 2)


async def test_a_product_that_left_meanwhile_is_asked_for(service: Service) -> None:
    await add(service, line(1, "ERP01", 5), line(2, "ERP01", 5))
    await service.main.accepted(
        "basketItemUpdate",
        productRemoteId=2,
        divisionId=service.division("ERP01"),
        quantity=3,
    )
    await service.main.accepted("basketItemRemove", productRemoteId=1)
    await age_products()
    service.shop.sell(2, "21.00")
    async with reverting(service) as task:
        await service.main.accepted("basketItemRemove", productRemoteId=2)
    payload = task.result()
    assert rejected_lines(payload) == []
    assert [
        (item["productRemoteId"], item["price"]) for item in payload["basket"]["items"]
    ] == [
        (1, "10.55"),
        (2, "21.00"),
    ]
    assert service.shop.requests == ["/product/1/", "/product/2/"]


async def test_the_basket_that_was_loaded_meanwhile_is_reverted(service: Service) -> None:
    await add(service, line(2, "ERP02", 2))
    await add(service, line(2, "ERP02", 2))
    draft = await service.main.accepted("basketSave", name="Draft")
    await add(service, line(1, "ERP01", 5))
    await service.main.accepted("basketClear")
    await add(service, line(3))
    await age_products(remote_id=1)
    async with reverting(service) as task:
        await service.main.accepted("basketLoad", basketId=draft["id"])
    payload = task.result()
    assert payload["basket"]["id"] == draft["id"]
    assert quantities(payload["basket"]) == {2: {"ERP02": 2}}
    assert payload["basket"]["version"] == 5


async def test_additions_and_reverts_at_once_follow_one_another(service: Service) -> None:
    await service.sub.accepted("basketItemsAdd", items=[line(3, "ERP02")])
    await add(service, line(1, "ERP01", 5), line(2, "ERP02", 1))
    calls = [
        reverted(service.main, 1) if number % 3 == 0 else add(service, line(1), line(3))
        for number in range(30)
    ]
    baskets = await asyncio.gather(*calls)
    changes = await history(basket__user_id=1)
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))
    kinds = [change.kind for change in changes]
    # A revert after another one changes nothing.
    assert kinds.count("ITEMS_ADDED") == 21
    assert kinds.count("REVERTED") <= 10
    state: dict[tuple[int, int | None], int] = {}
    for change in changes:
        for each in change.lines:
            key = (each.product_id, each.division_id)
            assert state.get(key, 0) == each.quantity_before
            state[key] = each.quantity_after
    basket = await service.main.basket()
    assert basket is not None
    assert basket["version"] == len(changes) == max(each["version"] for each in baskets)
    assert basket["totalQuantity"] == sum(state.values())
    first = {1: {"ERP01": 5}, 2: {"ERP02": 1}}
    assert all(quantities(baskets[number]) == first for number in range(0, 30, 3))
