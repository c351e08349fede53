"""Waiting for conditions. A test never waits for a time to pass, and gives up late: the machine may be busy."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

TIMEOUT_SECONDS = 300.0
"""Timeout of everything that tests wait for; only a test that fails ever takes as long."""


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Waits until a condition holds; fails at the timeout."""
    limit = time.monotonic() + TIMEOUT_SECONDS
    while not is_true():
        assert time.monotonic() < limit, (
            f"{what} did not happen within {TIMEOUT_SECONDS} seconds."
        )
        time.sleep(0.02)


async def eventually(is_true: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Waits until a condition holds, while other tasks go on; fails at the timeout."""
    limit = time.monotonic() + TIMEOUT_SECONDS
    while not await _value(is_true()):
        assert time.monotonic() < limit, (
            f"{what} did not happen within {TIMEOUT_SECONDS} seconds."
        )
        await asyncio.sleep(0.02)


async def _value(result: bool | Awaitable[bool]) -> bool:
    return bool(await result) if inspect.isawaitable(result) else bool(result)
