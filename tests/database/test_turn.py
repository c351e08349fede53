"""Look-ups of one turn of the event loop are asked for together, and fail or are given up one by one."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from models.database.turn import LARGEST_BATCH, TurnBatch


class Numbers:
    """A table of the squares of numbers below 100; it notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.fault: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Returns the squares that there are."""
        self.asked.append(list(keys))
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return {key: key * key for key in keys if key < 100}


async def test_look_ups_of_one_turn_are_one_statement() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    found = await asyncio.gather(*(batch.find(key) for key in (3, 4, 3, 100)))
    assert found == [9, 16, 9, None]
    assert numbers.asked == [[3, 4, 100]]
    assert await batch.find(5) == 25
    assert numbers.asked == [[3, 4, 100], [5]]


async def test_a_look_up_during_a_statement_is_not_answered_by_it() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    numbers.may_answer.clear()
    first = asyncio.ensure_future(batch.find(3))
    while not numbers.asked:
        await asyncio.sleep(0)
    second = asyncio.ensure_future(batch.find(3))
    while len(numbers.asked) < 2:
        await asyncio.sleep(0)
    numbers.may_answer.set()
    assert [await first, await second] == [9, 9]
    assert numbers.asked == [[3], [3]]


async def test_a_statement_has_a_bounded_number_of_look_ups() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    keys = range(2 * LARGEST_BATCH + 1)
    found = await asyncio.gather(*(batch.find(key) for key in keys))
    assert found == [key * key for key in keys]
    assert [len(asked) for asked in numbers.asked] == [LARGEST_BATCH, LARGEST_BATCH, 1]


async def test_a_caller_that_gives_up_takes_nobody_along() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    numbers.may_answer.clear()
    first, second = (asyncio.ensure_future(batch.find(key)) for key in (3, 4))
    while not numbers.asked:
        await asyncio.sleep(0)
    first.cancel()
    numbers.may_answer.set()
    assert await second == 16
    assert first.cancelled()


async def test_a_fault_reaches_every_caller() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    numbers.fault = OSError("The database is gone.")
    found = await asyncio.gather(batch.find(3), batch.find(4), return_exceptions=True)
    assert [str(error) for error in found] == ["The database is gone."] * 2
    numbers.fault = None
    assert await batch.find(3) == 9


def test_it_serves_another_loop_after_one_that_ended() -> None:
    numbers = Numbers()
    batch = TurnBatch(numbers.read)
    assert asyncio.run(batch.find(3)) == 9
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(batch.find(4), 0))
    assert asyncio.run(batch.find(5)) == 25
