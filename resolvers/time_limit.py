"""How long the answering of a request may take, and the point from which it is never given up.

`asyncio.timeout` makes and cancels a timer for each use, some microseconds on the way of every request. Here one timer
looks at all of them, four times a second, so that an entry costs a fraction of one.
"""

import asyncio
from contextvars import ContextVar, Token
from time import monotonic
from types import TracebackType
from typing import Self

LOOKS_A_SECOND = 4


class TookTooLong(Exception):
    """Raised when what was limited took too long; it was cancelled, and what it had changed is undone."""


class TimeLimits:
    """Everything that is limited now, on one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.running: set[TimeLimit] = set()
        self.is_watching = False

    def limit(self) -> "TimeLimit":
        """Returns a context in which the current task may stay for so long; leaving it may raise TookTooLong."""
        return TimeLimit(self)

    def watch(self) -> None:
        """Looks for what takes too long, as long as something is running."""
        now = monotonic()
        for limit in self.running:
            if now > limit.ends:
                limit.give_up()
        self.is_watching = bool(self.running)
        if self.is_watching:
            loop = asyncio.get_running_loop()
            loop.call_later(
                min(1 / LOOKS_A_SECOND, self.seconds / LOOKS_A_SECOND), self.watch
            )


class TimeLimit:
    """The limit of one task."""

    __slots__ = ("ends", "is_over", "limits", "task", "token")

    task: asyncio.Task[object]
    token: Token["TimeLimit | None"]

    def __init__(self, limits: TimeLimits) -> None:
        self.limits = limits
        self.ends = 0.0
        self.is_over = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self.task = task
        self.ends = monotonic() + self.limits.seconds
        self.token = _CURRENT.set(self)
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
        _CURRENT.reset(self.token)
        if self.is_over and self.task.uncancel() == 0 and error is not None:
            raise TookTooLong from error

    def give_up(self) -> None:
        """Cancels the task, once."""
        if not self.is_over:
            self.is_over = True
            self.task.cancel()


_CURRENT: ContextVar[TimeLimit | None] = ContextVar("time limit", default=None)


def begin_to_commit() -> None:
    """Lifts the limit for the rest of the request: what is committed must be answered, and not as undone."""
    limit = _CURRENT.get()
    if limit is not None:
        limit.ends = float("inf")
