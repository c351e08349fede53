"""What a subscription tells: the present state, then every change, each version once."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from application import create_executor
from models.division import Division
from models.live.hub import Hub
from models.timestamps import now
from models.user import Token, User, hash_token
from schema.execution.operation import Bound, Operation
from settings.options import Options
from tests.support.lines import line
from tests.support.service import Caller, Service
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE, CHANGES, Watch, watch
from web.graphql.executor import RequestErrors
from web.live.session import StreamEnded


async def add(caller: Caller, product: int = 1, quantity: int = 1) -> dict[str, Any]:
    """Adds to the active basket and returns it."""
    return await caller.accepted(
        "basketItemsAdd", items=[line(product, division="ERP01", quantity=quantity)]
    )


def hub_of(service: Service) -> Hub:
    """Returns the hub of the application."""
    hub: Hub = service.application.state["hub"]
    return hub


async def assert_ends(watching: Watch) -> None:
    """Waits for the end of a subscription."""
    with pytest.raises(StopAsyncIteration):
        await watching.next_content()


async def test_the_first_event_is_the_present_state_then_comes_every_change(
    service: Service,
) -> None:
    async with watch(service.application, ACTIVE) as watching:
        assert await watching.next() is None
        basket = await add(service.main, 1, 3)
        event = await watching.next()
        assert (event["id"], event["version"]) == (basket["id"], 1)
        assert event["items"] == [{"productRemoteId": 1, "quantity": 3}]
        await add(service.main, 2, 4)
        event = await watching.next()
        assert (event["version"], event["itemCount"], event["totalQuantity"]) == (2, 2, 7)


async def test_the_active_basket_follows_its_segment(service: Service) -> None:
    first = await add(service.main)
    async with watch(service.application, ACTIVE) as watching:
        assert (await watching.next())["version"] == 1
        await service.main.accepted("basketSave", name="first")
        assert await watching.next() is None
        second = await add(service.main, 2)
        assert (await watching.next())["id"] == second["id"]
        await service.main.accepted("basketLoad", basketId=first["id"])
        event = await watching.next()
        assert (event["id"], event["version"], event["status"]) == (
            first["id"],
            3,
            "ACTIVE",
        )
        await service.main.change("quotationRequest", "quotation { id }", name="all")
        assert await watching.next() is None


async def test_another_segment_is_not_told(service: Service) -> None:
    async with watch(service.application, ACTIVE, segment=7) as watching:
        assert await watching.next() is None
        await add(service.main)
        await service.main.accepted(
            "basketItemsAdd", segmentRemoteId=7, items=[line(3, division="ERP01")]
        )
        assert [item["productRemoteId"] for item in (await watching.next())["items"]] == [3]


async def test_changes_tell_what_was_missed_and_then_each_change(service: Service) -> None:
    basket = await add(service.main, 1)
    await add(service.main, 2)
    async with watch(service.application, CHANGES, id=basket["id"], since=1) as watching:
        missed = await watching.next()
        assert (missed["sinceVersion"], missed["isComplete"]) == (1, False)
        assert missed["items"] == [{"productRemoteId": 2, "quantity": 1}]
        await add(service.main, 3, 5)
        event = await watching.next()
        assert (event["sinceVersion"], event["basket"]["version"]) == (2, 3)
        assert event["items"] == [{"productRemoteId": 3, "quantity": 5}]


async def test_nothing_missed_is_an_empty_delta(service: Service) -> None:
    basket = await add(service.main)
    async with watch(service.application, CHANGES, id=basket["id"], since=1) as watching:
        event = await watching.next()
    assert event["items"] == event["removedItemIds"] == []
    assert (event["sinceVersion"], event["isComplete"]) == (1, False)


@pytest.mark.parametrize("since", [None, 0, 9999])
async def test_without_a_known_version_the_first_event_is_complete(
    service: Service, since: int | None
) -> None:
    basket = await add(service.main)
    async with watch(
        service.application, CHANGES, id=basket["id"], since=since
    ) as watching:
        event = await watching.next()
        assert (event["isComplete"], event["sinceVersion"]) == (True, 0)
        assert event["items"] == [{"productRemoteId": 1, "quantity": 1}]
        await add(service.main, 2)
        event = await watching.next()
        assert (event["isComplete"], event["sinceVersion"]) == (False, 1)


async def test_changes_follow_a_basket_through_its_life_and_end_with_its_deletion(
    service: Service,
) -> None:
    basket = await add(service.main)
    async with watch(service.application, CHANGES, id=basket["id"]) as watching:
        assert (await watching.next())["basket"]["status"] == "ACTIVE"
        await service.main.accepted("basketSave", name="kept")
        assert (await watching.next())["basket"]["status"] == "DRAFT"
        await service.main.change("basketDelete", "deletedBasketId", basketId=basket["id"])
        await assert_ends(watching)
    assert hub_of(service).topics == {}


@pytest.mark.parametrize("basket_id", ["bsk_999999", "x", "9"])
async def test_an_unknown_basket_is_rejected(service: Service, basket_id: str) -> None:
    async with watch(service.application, CHANGES, id=basket_id) as watching:
        with pytest.raises(RequestErrors) as rejected:
            await watching.next_content()
    assert [error.message for error in rejected.value.errors] == [
        "You have no basket with this id."
    ]
    assert hub_of(service).topics == {}


async def test_nobody_watches_the_basket_of_somebody_else(service: Service) -> None:
    basket = await add(service.main)
    for token in ("sub", "other"):
        async with watch(service.application, CHANGES, token, id=basket["id"]) as watching:
            with pytest.raises(RequestErrors):
                await watching.next_content()
    assert hub_of(service).topics == {}


async def test_the_lag_of_every_event_but_the_first_is_counted(service: Service) -> None:
    def counted() -> float:
        count = REGISTRY.get_sample_value(
            "basket_live_lag_seconds_count", {"transport": "websocket"}
        )
        return count or 0.0

    before = counted()
    async with watch(service.application, ACTIVE) as watching:
        await watching.next()
        for _ in range(2):
            await add(service.main)
            await watching.next()
    assert counted() - before == 2


async def test_a_rejected_change_and_one_that_changes_nothing_are_no_events(
    service: Service,
) -> None:
    basket = await add(service.main)
    async with watch(service.application, CHANGES, id=basket["id"], since=1) as watching:
        await watching.next()
        await service.main.change("basketItemsAdd", items=[line(999_999, division="ERP01")])
        await add(service.main, 2)
        assert (await watching.next())["basket"]["version"] == 2


async def test_a_slow_reader_gets_the_newest_state(service: Service) -> None:
    basket = await add(service.main)
    async with watch(service.application, CHANGES, id=basket["id"]) as watching:
        await watching.next()
        for quantity in range(1, 5):
            await add(service.main, 1, quantity)
        event = await watching.next()
        # The first of the four may have been noticed before the others were made.
        versions = [event["basket"]["version"]]
        while versions[-1] < 5:
            versions.append((await watching.next())["basket"]["version"])
        assert versions == sorted(set(versions))


async def test_many_watchers_of_one_basket_share_each_answer(service: Service) -> None:
    basket = await add(service.main)
    executor, first = _CountingExecutor(), list[int]()
    async with asyncio.TaskGroup() as group:
        watched = [
            group.create_task(_watch_two(service, executor, basket["id"], first))
            for _ in range(40)
        ]
        await eventually(lambda: len(first) == 40, "everybody's first event")
        await add(service.main, 2)
    assert first == [1] * 40
    assert {task.result() for task in watched} == {2}
    # Eighty, if each watcher read for itself; a check may wake all of them for nothing meanwhile.
    assert 40 < executor.executed < 50


class _CountingExecutor:
    """The application's executor, which counts."""

    def __init__(self) -> None:
        self._executor = create_executor(Options())
        self.executed = 0
        self.prepare, self.bind = self._executor.prepare, self._executor.bind
        self.timeout_error = self._executor.timeout_error

    async def execute(self, *arguments: Any) -> Any:
        self.executed += 1
        return await self._executor.execute(*arguments)


async def _watch_two(
    service: Service, executor: Any, basket_id: str, first: list[int]
) -> int:
    async with watch(
        service.application, CHANGES, executor=executor, id=basket_id
    ) as watching:
        first.append((await watching.next())["basket"]["version"])
        version: int = (await watching.next())["basket"]["version"]
        return version


async def _revoke() -> None:
    await Token.filter(digest=hash_token("main")).delete()


async def _expire() -> None:
    await Token.filter(digest=hash_token("main")).update(expires_at=now())


async def _deactivate() -> None:
    await User.filter(email="main@example.invalid").update(is_active=False)


async def _close_division() -> None:
    await Division.filter(erp_code="ERP01").update(is_active=False)


@pytest.mark.parametrize(
    ("turn_away", "reason"),
    [
        (_revoke, "The token is not valid any more."),
        (_expire, "The token is not valid any more."),
        (_deactivate, "The token is not valid any more."),
        (_close_division, "Your division is inactive."),
    ],
)
async def test_who_is_not_let_in_any_more_is_not_told_any_more(
    service: Service, turn_away: Any, reason: str
) -> None:
    async with watch(service.application, ACTIVE) as watching:
        await watching.next()
        await turn_away()
        with pytest.raises(StreamEnded) as ended:
            await watching.next_content()
    assert (ended.value.code, ended.value.reason) == (4403, reason)
    assert hub_of(service).topics == {}


async def test_variables_are_bound_once_for_each_reading(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[dict[str, Any] | None] = []
    bind = Operation.bind

    def note(operation: Operation, variables: dict[str, Any] | None) -> Bound:
        bound.append(variables)
        return bind(operation, variables)

    monkeypatch.setattr(Operation, "bind", note)
    async with watch(service.application, ACTIVE, segment=4) as watched:
        assert await watched.next() is None
        assert bound == [{"segment": 4}]
        items = [line(1, division="ERP01", quantity=1)]
        await service.main.accepted("basketItemsAdd", items=items, segmentRemoteId=4)
        assert (await watched.next())["version"] == 1
        assert bound.count({"segment": 4}) == 2
    query = "query ($segment: Int) { activeBasket(segmentRemoteId: $segment) { version } }"
    bound.clear()
    async with watch(service.application, query, segment=4) as watched:
        assert await watched.next() == {"version": 1}
    assert bound == [{"segment": 4}]
