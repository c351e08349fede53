"""The time limit of a request, and the commit from which on it is not given up.

`asyncio.timeout` makes and cancels a timer per use, some microseconds of every request. Here one
timer checks all of them, four times a second, so that an entry costs a fraction of one.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import TracebackType
from typing import Self

from request_record import current_record

CHECKS_PER_SECOND = 4


class TookTooLong(Exception):
    """Raised at the time limit; the task was cancelled, and its changes are rolled back."""


class LaterPartTookTooLong(Exception):
    """Raised for a part of an operation at the time limit, when earlier parts are committed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The operation took longer than {seconds:g} seconds; this part of it was given up."
        )


class TimeLimits:
    """All limits of one event loop that run now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.running: set[TimeLimit] = set()
        self.is_watching = False
        self.loop: asyncio.AbstractEventLoop | None = None

    def limit(self) -> "TimeLimit":
        """Returns a context that limits the current task; leaving it may raise TookTooLong."""
        return TimeLimit(self)

    def watch(self) -> None:
        """Cancels every task beyond its limit, again and again while any runs."""
        now = monotonic()
        # Cancelling only schedules: no task leaves the set while this loop runs.
        for limit in self.running:
            if now > limit.ends and not limit.is_lifted:
                limit.give_up()
        self.is_watching = bool(self.running)
        if self.is_watching:
            self.loop = asyncio.get_running_loop()
            pause = min(1.0, self.seconds) / CHECKS_PER_SECOND
            self.loop.call_later(pause, self.watch)


class TimeLimit:
    """The limit of one task, which the request's record holds while it runs."""

    __slots__ = ("ends", "is_lifted", "is_over", "limits", "task")

    task: asyncio.Task[object]

    def __init__(self, limits: TimeLimits) -> None:
        self.limits = limits
        self.ends = 0.0
        self.is_over = False
        self.is_lifted = False

    def __enter__(self) -> Self:
        # To look for the running loop takes a system call.
        task = asyncio.current_task(self.limits.loop) or asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self.task = task
        self.ends = monotonic() + self.limits.seconds
        current_record().limit = self
        self.limits.running.add(self)
        if not self.limits.is_watching:
            self.limits.watch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.limits.running.discard(self)
        current_record().limit = None
        # Someone else may have cancelled the task too, and that goes on; and a task that ended
        # before the cancellation reached it keeps its result.
        if self.is_over and self.task.uncancel() == 0 and error is not None:
            raise TookTooLong from error

    def lift(self) -> None:
        """Lets the task run on without a limit."""
        self.is_lifted = True

    def resume(self) -> None:
        """Limits the task again, to the same end."""
        self.is_lifted = False

    def give_up(self) -> None:
        """Cancels the task, once."""
        if not self.is_over:
            self.is_over = True
            self.task.cancel()

    def check_time(self) -> None:
        """Raises LaterPartTookTooLong when the time is over."""
        if monotonic() > self.ends:
            raise LaterPartTookTooLong(self.limits.seconds)

    def take_back(self) -> None:
        """Takes the cancellation back; raises LaterPartTookTooLong if there is no other one."""
        is_alone = self.is_over and self.task.uncancel() == 0
        self.is_over = False
        if is_alone:
            raise LaterPartTookTooLong(self.limits.seconds) from None


def begin_to_commit() -> None:
    """Lifts the request's limit: a committed change must not be answered as undone."""
    limit = current_record().limit
    if limit is not None:
        limit.lift()


def resume_limit() -> None:
    """Sets the request's limit again after `begin_to_commit`, because nothing was committed."""
    limit = current_record().limit
    if limit is not None:
        limit.resume()


@contextmanager
def limit_later_part() -> Iterator[None]:
    """Limits a part of an operation of which something is committed; the rest has no limit.

    The operation as a whole must be answered then: raises LaterPartTookTooLong, also for a part
    that would begin too late.
    """
    limit = current_record().limit
    if limit is None:
        yield
        return
    limit.check_time()
    try:
        yield
    except asyncio.CancelledError:
        limit.take_back()
        raise
    finally:
        limit.lift()
