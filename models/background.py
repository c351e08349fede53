"""Background loops that survive every error for as long as the process lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from prometheus_client import Counter, Gauge

from models.database.outage import is_unavailable

logger = logging.getLogger("basket")

FAILURES = Counter(
    "basket_background_failures", "Failed runs of the background loops, by loop.", ["loop"]
)
FAILING = Gauge(
    "basket_background_failing",
    "1 while the loop's last run failed.",
    ["loop"],
    multiprocess_mode="livemax",
)

LIMIT_SECONDS = 300.0
"""Timeout of one run, so that a run that hangs ends and is repeated; None for none."""


class BackgroundLoop:
    """Repeats a step, with a pause after each; logs once per outage and counts every failure.

    The first step is taken after the delay.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[object]],
        pause_seconds: float,
        limit_seconds: float | None = LIMIT_SECONDS,
        delay_seconds: float = 0,
    ) -> None:
        self.name = name
        self._step = step
        self._pause_seconds = pause_seconds
        self._limit_seconds = limit_seconds
        self._delay_seconds = delay_seconds
        self._failures = 0
        FAILURES.labels(name)
        FAILING.labels(name).set(0)

    async def run(self) -> None:
        """Repeats the step until the loop's own task is cancelled."""
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        while True:
            await self.run_once()
            await asyncio.sleep(self._pause_seconds)

    async def run_once(self) -> None:
        """Runs the step once; never raises, unless the loop's own task is cancelled."""
        # A task of its own has a context of its own: what a failed run leaves in its context
        # variables, for example a dead transaction, is not there in the next run.
        step = asyncio.create_task(self._bounded())
        try:
            await asyncio.wait([step])
        finally:
            # Only when the loop's own task is cancelled is the step unfinished here.
            if step.cancel():
                await asyncio.wait([step])
        if step.cancelled():
            self._note_failure(asyncio.CancelledError("The run was cancelled from inside."))
        elif error := step.exception():
            self._note_failure(error)
        else:
            self._note_success()

    async def _bounded(self) -> None:
        async with asyncio.timeout(self._limit_seconds):
            await self._step()

    def _note_failure(self, error: BaseException) -> None:
        if not isinstance(error, Exception | asyncio.CancelledError):
            # KeyboardInterrupt and SystemExit are to end the process.
            raise error
        FAILURES.labels(self.name).inc()
        FAILING.labels(self.name).set(1)
        self._failures += 1
        if self._failures > 1:
            return
        level = logging.WARNING if is_unavailable(error) else logging.ERROR
        text = "The background loop %r failed; it goes on, and the next line is its recovery: %r"
        logger.log(level, text, self.name, error, exc_info=error)

    def _note_success(self) -> None:
        if self._failures:
            text = "The background loop %r works again after %d failed runs."
            logger.warning(text, self.name, self._failures)
            FAILING.labels(self.name).set(0)
        self._failures = 0


@asynccontextmanager
async def background_loop(
    name: str,
    step: Callable[[], Awaitable[object]],
    pause_seconds: float,
    limit_seconds: float | None = LIMIT_SECONDS,
    delay_seconds: float = 0,
) -> AsyncIterator[None]:
    """Repeats a step in the background of the context; leaving it ends the loop."""
    loop = BackgroundLoop(name, step, pause_seconds, limit_seconds, delay_seconds)
    task = asyncio.create_task(loop.run(), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
