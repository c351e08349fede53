"""The timeout of sending an event, which begins anew as long as the client takes a part of it."""

import asyncio
from types import TracebackType
from typing import Self

from web.http.stream_connection import StreamConnection

CHECKS = 4
"""Looks within the timeout at what the client has taken."""


class SendTimeout:
    """A context that ends by TimeoutError when the client has taken nothing for some seconds.

    Without a connection it cannot tell, and ends then in any case.
    """

    __slots__ = (
        "_connection",
        "_loop",
        "_seconds",
        "_taken_at",
        "_timeout",
        "_timer",
        "_unread",
    )

    def __init__(self, seconds: float, connection: StreamConnection | None) -> None:
        self._seconds = seconds
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._unread = 0

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._taken_at = self._loop.time()
        self._check_later()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def watch(self) -> None:
        """Notes how much is unread, once all of the event is written."""
        self._unread = self._count_unread()

    def _check(self) -> None:
        before, self._unread = self._unread, self._count_unread()
        present = self._loop.time()
        if self._unread < before:
            self._taken_at = present
        if present < self._taken_at + self._seconds:
            self._check_later()
        else:
            self._timeout.reschedule(present)

    def _check_later(self) -> None:
        self._timer = self._loop.call_later(self._seconds / CHECKS, self._check)

    def _count_unread(self) -> int:
        return 0 if self._connection is None else self._connection.count_unread_bytes()
