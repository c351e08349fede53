"""Background loops: nothing that a run does ends its loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import asyncpg
import pytest
from prometheus_client import REGISTRY

from models.background import background_loop
from tests.support.waiting import TIMEOUT_SECONDS, eventually

LEFT_BEHIND: ContextVar[str] = ContextVar("left behind", default="nothing")


def sample(metric: str, loop: str) -> float:
    """Returns a metric of a loop."""
    return REGISTRY.get_sample_value(metric, {"loop": loop}) or 0.0


async def runs_of(
    name: str, step: Callable[[int], Awaitable[None]], count: int
) -> list[int]:
    """Runs a loop until its step was begun so often; returns the numbers of the runs."""
    numbers: list[int] = []
    is_enough = asyncio.Event()

    async def counted() -> None:
        numbers.append(len(numbers) + 1)
        if len(numbers) > count:
            is_enough.set()
        await step(len(numbers))

    async with (
        background_loop(name, counted, 0.001, 0.05),
        asyncio.timeout(TIMEOUT_SECONDS),
    ):
        await is_enough.wait()
    return numbers[:count]


class Odd(Exception):
    """An error that nobody expects."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(110, "Connection timed out"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.ReadOnlySQLTransactionError("read-only"),
        asyncio.CancelledError(),
        RecursionError(),
        MemoryError(),
        Odd(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_loop_outlives_every_error_logs_it_once_and_counts_it(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"failing with {type(error).__name__}"

    async def step(number: int) -> None:
        if 2 <= number <= 4:
            raise error

    with caplog.at_level(logging.INFO):
        assert await runs_of(name, step, 5) == [1, 2, 3, 4, 5]
    assert sample("basket_background_failures_total", name) == 3
    assert sample("basket_background_failing", name) == 0
    lines = [
        record.getMessage() for record in caplog.records if name in record.getMessage()
    ]
    assert len(lines) == 2
    assert f"The background loop {name!r} failed" in lines[0]
    assert lines[1] == f"The background loop {name!r} works again after 3 failed runs."


async def test_a_run_that_hangs_is_ended_and_repeated() -> None:
    async def step(number: int) -> None:
        if number == 1:
            await asyncio.Event().wait()

    assert await runs_of("hanging", step, 2) == [1, 2]
    assert sample("basket_background_failures_total", "hanging") == 1


async def test_nothing_that_a_run_leaves_in_its_context_is_there_in_the_next() -> None:
    found: list[str] = []

    async def step(number: int) -> None:
        found.append(LEFT_BEHIND.get())
        LEFT_BEHIND.set("a dead transaction")

    await runs_of("leaving", step, 2)
    assert found[:2] == ["nothing", "nothing"]


async def test_leaving_the_context_ends_the_run_that_is_under_way() -> None:
    is_begun, is_ended = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        is_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_ended.set()

    async with background_loop("leaving the context", step, 1.0):
        await is_begun.wait()
    assert is_ended.is_set()


async def test_a_loop_with_a_delay_takes_its_first_step_after_it() -> None:
    steps = list[str]()

    async def late() -> None:
        steps.append("late")

    async def soon() -> None:
        steps.append("soon")

    async with background_loop("late", late, 1.0, delay_seconds=3_600):
        async with background_loop("soon", soon, 3_600, delay_seconds=0.001):
            await eventually(lambda: bool(steps), "The first step")
    assert steps == ["soon"]
