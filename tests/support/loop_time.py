"""A clock of the event loop, for bounds that hold on a machine of any speed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEP_SECONDS = 0.02


class LoopClock:
    """Counts steps of the event loop: a time in which the machine runs other processes is one step at most."""

    def __init__(self) -> None:
        self.steps = 0

    @property
    def seconds(self) -> float:
        """The seconds of all steps so far."""
        return self.steps * STEP_SECONDS

    async def run(self) -> None:
        """Counts until it is cancelled."""
        while True:
            await asyncio.sleep(STEP_SECONDS)
            self.steps += 1


@asynccontextmanager
async def loop_clock() -> AsyncIterator[LoopClock]:
    """Runs a clock."""
    clock = LoopClock()
    counting = asyncio.create_task(clock.run())
    try:
        yield clock
    finally:
        counting.cancel()
        await asyncio.wait([counting])
