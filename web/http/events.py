"""A queue and an event for one connection; asyncio's take some three kilobytes together."""

from asyncio import Future, get_running_loop
from typing import Generic, TypeVar

T = TypeVar("T")


class Gate:
    """An event that tasks wait for, as asyncio's."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._is_open = True
        self._waiting: list[Future[None]] | None = None

    def is_set(self) -> bool:
        """Whether nobody needs to wait."""
        return self._is_open

    def clear(self) -> None:
        """Makes tasks wait."""
        self._is_open = False

    def set(self) -> None:
        """Lets all tasks go on that wait."""
        self._is_open = True
        waiting, self._waiting = self._waiting or (), None
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self) -> None:
        """Returns when the gate is set, in the order of the calls."""
        if not self._is_open:
            self._waiting = self._waiting or []
            self._waiting.append(future := get_running_loop().create_future())
            await future


class SmallQueue(Generic[T]):
    """An unbounded queue of few items for one consumer, as asyncio's."""

    __slots__ = ("_consumer", "_items")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._consumer: Future[None] | None = None

    def empty(self) -> bool:
        """Whether there is no item."""
        return not self._items

    def qsize(self) -> int:
        """Returns the number of items."""
        return len(self._items)

    def put_nowait(self, item: T) -> None:
        """Adds an item."""
        self._items.append(item)
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    async def get(self) -> T:
        """Returns the oldest item, once there is one."""
        while not self._items:
            self._consumer = get_running_loop().create_future()
            await self._consumer
        return self._items.pop(0)
