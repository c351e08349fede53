"""Streamed responses: a body that goes on while events come, with heartbeats between them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from web.graphql.media_type import EVENT_STREAM, MULTIPART_STREAM
from web.http.stream_connection import CYCLE, StreamConnection
from web.live.framing import Framing
from web.live.metrics import SLOW_READERS
from web.live.multipart import MULTIPART
from web.live.send_timeout import SendTimeout
from web.live.server_sent_events import SERVER_SENT_EVENTS
from web.live.session import StreamEnded

_FRAMINGS = {EVENT_STREAM: SERVER_SENT_EVENTS, MULTIPART_STREAM: MULTIPART}
# uvicorn waits before it writes, and so this returns when all before it was written.
_FLUSH: dict[str, Any] = {"type": "http.response.body", "body": b"", "more_body": True}


class Events(Protocol):
    """The encoded results of one operation; to close them ends the operation."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Returns the events."""

    async def aclose(self) -> None:
        """Ends the operation."""


def stream_response(
    media_type: str, events: Events, *, heartbeat_seconds: float, send_seconds: float
) -> "StreamedResponse":
    """Returns the response of a stream of events in one of the two streamed media types."""
    return StreamedResponse(_FRAMINGS[media_type], events, heartbeat_seconds, send_seconds)


class StreamedResponse:
    """An ASGI response that sends each event as it comes, and a heartbeat while none does.

    One task waits for events and sends them, another one waits for the client's disconnection, and
    a timer sends heartbeats. So an event needs no further task, and an idle client little memory.
    """

    __slots__ = (
        "_beat",
        "_connection",
        "_events",
        "_framing",
        "_heartbeat_seconds",
        "_is_left",
        "_is_sending",
        "_send",
        "_send_seconds",
        "_sent_at",
        "_task",
        "_timer",
    )

    def __init__(
        self,
        framing: Framing,
        events: Events,
        heartbeat_seconds: float,
        send_seconds: float,
    ) -> None:
        self._framing = framing
        self._events = events
        self._heartbeat_seconds = heartbeat_seconds
        self._send_seconds = send_seconds
        self._connection: StreamConnection | None = None
        self._task: asyncio.Task[Any] | None = None
        self._beat: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_left = self._is_sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends events until they end or the client leaves, and then closes them."""
        self._send, self._task = send, asyncio.current_task()
        watch = asyncio.create_task(self._watch_client(receive))
        # From here on the events are closed in any case: their connection is counted.
        try:
            # Other protocols of uvicorn's have no such cycle; they log an error for a cut stream.
            if CYCLE in scope:
                self._connection = StreamConnection(scope, self._send_seconds)
            await self._send_all()
        except (StreamEnded, _BlockedClient):
            # An end in order would say that there will be no more events.
            self._cut()
        except asyncio.CancelledError:
            # A server that stops may cancel it, too.
            if not self._is_left or (self._task and self._task.uncancel()):
                raise
            self._cut()
        finally:
            watch.cancel()
            await self._close()

    async def _send_all(self) -> None:
        framing = self._framing
        start = {"type": "http.response.start", "status": 200, "headers": framing.headers()}
        await self._send(start)
        await self._write(framing.opening)
        self._wait_for_heartbeat(self._heartbeat_seconds)
        async for event in self._events:
            await self._write(framing.before + event + framing.after)
            # The next one may be hours away.
            del event
        await self._end(framing.ending)

    async def _end(self, ending: bytes) -> None:
        if self._connection is not None and self._connection.is_unframed:
            await self._write(ending)
            self._connection.close()
            return
        await self._finish_heartbeat()
        await self._send({"type": "http.response.body", "body": ending})

    async def _write(self, body: bytes) -> None:
        """Sends a piece of the body; returns when it has left, raises when it does not."""
        await self._finish_heartbeat()
        self._is_sending = True
        try:
            await self._write_in_time(body)
        finally:
            self._is_sending = False

    async def _write_in_time(self, body: bytes) -> None:
        message = {"type": "http.response.body", "body": body, "more_body": True}
        try:
            async with SendTimeout(self._send_seconds, self._connection) as timeout:
                await self._send(message)
                timeout.watch()
                # The next event is the newest only if it is asked for after this one has left.
                await self._send(_FLUSH)
        except TimeoutError:
            SLOW_READERS.labels(self._framing.transport).inc()
            raise _BlockedClient from None
        self._sent_at = asyncio.get_running_loop().time()

    def _wait_for_heartbeat(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._send_heartbeat)

    def _send_heartbeat(self) -> None:
        """Sends a heartbeat unless something was sent meanwhile, and goes on waiting."""
        rest = self._sent_at + self._heartbeat_seconds - asyncio.get_running_loop().time()
        if self._connection is not None and self._connection.is_lost:
            self._leave()
        elif self._is_sending or rest > 0:
            self._wait_for_heartbeat(max(rest, self._heartbeat_seconds / 10))
        else:
            self._beat = asyncio.create_task(self._write_heartbeat())

    async def _write_heartbeat(self) -> None:
        try:
            await self._write_in_time(self._framing.heartbeat)
        except _BlockedClient:
            self._leave()
        else:
            self._wait_for_heartbeat(self._heartbeat_seconds)

    async def _finish_heartbeat(self) -> None:
        if self._beat is not None:
            await self._beat
            self._beat = None

    async def _watch_client(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        """Ends the stream from outside of its task, wherever that waits."""
        if self._task is not None and not self._is_left:
            self._is_left = True
            self._task.cancel()

    def _cut(self) -> None:
        if self._connection is not None:
            self._connection.cut()

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()
        await self._events.aclose()


class _BlockedClient(Exception):
    """Raised when a client has taken nothing for too long."""
