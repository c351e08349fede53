"""Look-ups that the requests of one turn of the event loop need alike, asked for together.

Nothing waits for a timer: all look-ups that begin while the loop works off the requests it has got
become one statement as soon as it is done with them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

LARGEST_BATCH = 16
"""The most look-ups of one statement, so that a long one keeps few requests waiting."""


class TurnBatch(Generic[Key, Value]):
    """One kind of look-up; `read` finds several at once, and leaves out those that do not exist.

    It belongs to one event loop, and its look-ups to no transaction.
    """

    def __init__(
        self, read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]
    ) -> None:
        self._read = read
        self._waiting: list[tuple[Key, asyncio.Future[Value | None]]] = []
        # The loop itself holds tasks weakly.
        self._tasks = set[asyncio.Task[None]]()

    async def find(self, key: Key) -> Value | None:
        """Returns the result of one look-up, which begins after this call; None without one."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Value | None] = loop.create_future()
        self._waiting.append((key, future))
        if len(self._waiting) == 1:
            # It runs behind everything that is ready now, and in the context of the first caller.
            loop.call_soon(self._start, loop)
        return await future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), LARGEST_BATCH):
            task = loop.create_task(self._answer(waiting[first : first + LARGEST_BATCH]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, waiting: Sequence[tuple[Key, "asyncio.Future[Value | None]"]]
    ) -> None:
        """Answers all callers but those that were cancelled, whose futures are done."""
        try:
            found = await self._read(list({key: None for key, _ in waiting}))
        except BaseException as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, future in waiting:
            if not future.done():
                future.set_result(found.get(key))
