"""The operations of one WebSocket: they run side by side, each in a task of its own."""

import asyncio
from asyncio import Task
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from contextvars import copy_context
from time import perf_counter
from typing import Any

import orjson

from request_record import RequestRecord, begin_record, current_record
from web.graphql.errors import error_content
from web.graphql.executor import Instrument, RequestErrors
from web.graphql.request import GraphQLRequest
from web.http.errors import masked_document
from web.http.json_response import error_document
from web.http.rate_limit import RateLimited
from web.live.channel import Disconnected, MessageChannel
from web.live.memory import MEMORY_CODE, TooMuchMemory
from web.live.messages import (
    ClientMessage,
    Closing,
    MessageType,
    request_from_message,
    write_message,
)
from web.live.metrics import EVENTS, OPERATIONS, Transport
from web.live.session import Session, StreamEnded
from web.monitoring.access_log import log_access
from web.monitoring.metrics import count_request
from web.monitoring.recorder import GRAPHQL_PATH, WEBSOCKET

# Finding a metric's child by its labels takes longer than counting does.
_count_event = EVENTS.labels(Transport.WEBSOCKET).inc

LIMIT_CODE = "TOO_MANY_OPERATIONS"
SHOWN_ID = 60
"""The characters of an id that a close frame shows."""


class Operations:
    """Runs the operations of a connection and sends their results, as long as they are wanted.

    A mutation is never cancelled, as it may be committing; only its result is not sent.
    """

    __slots__ = (
        "_begin",
        "_channel",
        "_connection",
        "_limit",
        "_session",
        "_tasks",
        "_wanted",
    )

    def __init__(
        self, channel: MessageChannel, session: Session, limit: int, instrument: Instrument
    ) -> None:
        self._begin = instrument(_find_first)
        self._channel = channel
        self._session = session
        self._limit = limit
        self._connection = current_record()
        self._tasks: dict[Task[None], RequestRecord] = {}
        self._wanted: dict[str, Task[None]] = {}

    async def take(self, message: ClientMessage) -> None:
        """Acts upon a message of an acknowledged client; raises Closing and Disconnected."""
        if message.type is MessageType.SUBSCRIBE:
            await self._subscribe(message)
        elif message.type is MessageType.COMPLETE:
            self._cancel(message.id)
        elif message.type is MessageType.PING:
            await self._channel.send(write_message("pong", payload=message.payload))
        elif message.type is MessageType.INIT:
            raise Closing(4429, "Too many initialisation requests")

    async def finish(self) -> None:
        """Ends the subscriptions, and waits until the other operations are answered."""
        for task, record in self._tasks.items():
            # One that has no label yet has not begun.
            if not record.operation.startswith(("query", "mutation")):
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Cancels everything, and waits for its end."""
        for identifier in list(self._wanted):
            self._cancel(identifier)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _subscribe(self, message: ClientMessage) -> None:
        identifier = message.id
        if identifier in self._wanted:
            name = identifier[:SHOWN_ID]
            raise Closing(4409, f"Subscriber for {name} already exists")
        request = request_from_message(message)
        if len(self._tasks) >= self._limit:
            await self._channel.send(self._reject(identifier))
            return
        OPERATIONS.labels(Transport.WEBSOCKET).inc()
        self._start(identifier, request)

    def _reject(self, identifier: str) -> bytes:
        text = (
            f"{self._limit} operations run on this connection, "
            "all that LIVE_OPERATIONS_PER_CONNECTION allows."
        )
        return write_message(
            "error", identifier, error_document(LIMIT_CODE, text)["errors"]
        )

    def _start(self, identifier: str, request: GraphQLRequest) -> None:
        context = copy_context()
        record = context.run(
            begin_record, self._connection.request_id, is_logged=self._connection.is_logged
        )
        record.status = self._connection.status
        running = self._run(identifier, request)
        task = asyncio.create_task(running, context=context)
        self._tasks[task] = record
        self._wanted[identifier] = task
        task.add_done_callback(self._finish)

    def _finish(self, task: Task[None]) -> None:
        """Counts and logs an operation; only a query or mutation has a duration."""
        record = self._tasks.pop(task)
        outcome = record.outcome or "disconnected"
        if not record.is_subscription:
            seconds = perf_counter() - record.began
            count_request(record.operation or GRAPHQL_PATH, outcome, seconds)
        log_access(record, WEBSOCKET, GRAPHQL_PATH, outcome)

    def _cancel(self, identifier: str) -> None:
        task = self._wanted.pop(identifier, None)
        record = self._tasks.get(task) if task else None
        if task and record and not record.operation.startswith("mutation"):
            task.cancel()

    def _is_wanted(self, identifier: str) -> bool:
        """Whether the client still wants the results of the current task."""
        return self._wanted.get(identifier) is asyncio.current_task()

    async def _run(self, identifier: str, request: GraphQLRequest) -> None:
        with suppress(Disconnected):
            try:
                ending = await self._execute(identifier, request)
            except StreamEnded as ended:
                current_record().outcome = f"closed_{ended.code}"
                await self._channel.close(ended.code, ended.reason)
                return
            if self._is_wanted(identifier):
                # Before the client may use the id again.
                del self._wanted[identifier]
                await self._channel.send(ending)

    async def _execute(self, identifier: str, request: GraphQLRequest) -> bytes:
        """Sends the results, and returns the message that tells the client of their end."""
        errors: Any
        try:
            await self._send_results(identifier, request)
        except (Disconnected, StreamEnded):
            raise
        except RequestErrors as rejection:
            outcome, errors = "error", error_content(rejection.errors)["errors"]
        except TooMuchMemory as rejection:
            outcome = "error"
            errors = error_document(MEMORY_CODE, str(rejection))["errors"]
        except RateLimited as rejection:
            outcome = "http_429"
            errors = error_document("RATE_LIMITED", str(rejection))["errors"]
        except Exception as error:
            outcome, errors = "failed", masked_document(error)["errors"]
        else:
            return write_message("complete", identifier)
        current_record().outcome = outcome
        return write_message("error", identifier, errors)

    async def _send_results(self, identifier: str, request: GraphQLRequest) -> None:
        start = b'{"id":%s,"type":"next","payload":' % orjson.dumps(identifier)
        async with aclosing(self._session.run(request)) as results:
            result = await self._begin(results)
            while result is not None:
                await self._send_result(identifier, start, result)
                # The next one may be hours away.
                result = None
                result = await anext(results, None)

    async def _send_result(self, identifier: str, start: bytes, result: bytes) -> None:
        if self._is_wanted(identifier):
            await self._channel.send_text((b"%s%s}" % (start, result)).decode())
            _count_event()


async def _find_first(results: AsyncGenerator[bytes]) -> bytes | None:
    """Returns the only result of a query or mutation, or the first of a subscription."""
    first = await anext(results, None)
    record = current_record()
    # The readings of a subscription have records of their own.
    record.outcome = record.outcome or "ok"
    return first
