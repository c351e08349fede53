"""The outermost layer: the record of each request, its id, its log line, and its last resort.

It costs each request a few microseconds; see docs/decisions.md.
"""

import re
from contextlib import suppress
from random import getrandbits
from time import perf_counter

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from request_record import RequestRecord, begin_record
from web.http.errors import not_started, response_to
from web.http.websocket import SWITCHING_PROTOCOLS
from web.lifecycle.startup import run_lifespan
from web.monitoring.access_log import log_access
from web.monitoring.metrics import count_request

GRAPHQL_PATH = "/graphql"
"""The one path that has no route of Starlette's."""
WEBSOCKET = "WEBSOCKET"
"""The method of a WebSocket and of its operations in the access log."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+=/@:-]{1,128}")
INTERNAL_ERROR = (1011, "Internal error")
TRY_AGAIN_LATER = (1013, "Try again later")
"""Code and reason with which a WebSocket is closed; upon 1013 clients connect again."""
RETRY_AFTER = b"1"
"""Seconds after which a client may repeat a request that got 503."""


class RequestRecorder:
    """ASGI middleware: answers every exception, and adds `X-Request-ID` to every response."""

    def __init__(
        self, application: ASGIApp, *, has_timing: bool, has_access_log: bool
    ) -> None:
        self.application = application
        self.has_timing = has_timing
        self.has_access_log = has_access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or starts and stops the application."""
        if scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await run_lifespan(self.application, scope, receive, send)
            return
        request_id = read_request_id(scope)
        record = begin_record(
            request_id, has_timing=self.has_timing, is_logged=self.has_access_log
        )

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers: list[tuple[bytes, bytes]] = message["headers"]
                headers.append((b"x-request-id", request_id.encode()))
                if record.status == 503 and b"retry-after" not in dict(headers):
                    headers.append((b"retry-after", RETRY_AFTER))
                if record.marks is not None:
                    headers.append((b"server-timing", record.server_timing()))
            await send(message)

        # Nothing raised inside passes this layer: uvicorn would answer in plain text.
        try:
            await self.application(scope, receive, send_recorded)
        except Exception as error:
            await _respond_to(error, record, scope, receive, send_recorded)
        finally:
            _finish(scope, record)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection; its life is no duration of a request."""
        record = begin_record(read_request_id(scope), is_logged=self.has_access_log)

        async def send_recorded(message: Message) -> None:
            if message["type"] in ("websocket.accept", "websocket.http.response.start"):
                record.status = message.get("status", SWITCHING_PROTOCOLS)
                header = (b"x-request-id", record.request_id.encode())
                message["headers"] = [*message.get("headers", ()), header]
            elif message["type"] == "websocket.close":
                record.outcome = f"closed_{message['code']}"
            await send(message)

        try:
            await self.application(scope, receive, send_recorded)
        except Exception as error:
            await _close_websocket(error, record, scope, receive, send_recorded)
        finally:
            outcome = record.outcome or _outcome_from_status(record.status)
            log_access(record, WEBSOCKET, find_route(scope), outcome)


def _finish(scope: Scope, record: RequestRecord) -> None:
    outcome = record.outcome or _outcome_from_status(record.status)
    # A stream lasts as long as its client likes, which is no duration of a request.
    seconds = None if record.is_subscription else perf_counter() - record.began
    count_request(record.operation or find_route(scope), outcome, seconds)
    if record.is_logged:
        log_access(record, scope["method"], find_route(scope), outcome)


def read_request_id(scope: Scope) -> str:
    """Returns the client's own request id if a log and a header can hold it, else a random one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    # It finds log lines and is no secret: the system's randomness would cost a system call.
    return f"{getrandbits(64):016x}"


def find_route(scope: Scope) -> str:
    """Returns the template of the requested path, never the path itself, which is the client's."""
    if scope["path"] == GRAPHQL_PATH:
        return GRAPHQL_PATH
    return str(getattr(scope.get("route"), "path", "")) or "unknown"


def _outcome_from_status(status: int) -> str:
    if status < 400:
        return "ok" if status else "disconnected"
    return f"http_{status}"


async def _respond_to(
    error: Exception, record: RequestRecord, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers an exception; when the response has begun, uvicorn closes the connection early."""
    response = _response_to(error, scope)
    if record.status == 0:
        await response(scope, receive, send)
    else:
        record.outcome = "broken_off"


def _response_to(error: Exception, scope: Scope) -> Response:
    # Servers give each request what the lifespan made. Asked for only here, it costs nothing.
    return response_to(error) if scope.get("state") else not_started()


async def _close_websocket(
    error: Exception, record: RequestRecord, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers an exception by a response, or by a close frame once the connection is open."""
    response = _response_to(error, scope)
    if record.status == 0:
        await response(scope, receive, send)
        return
    code, reason = TRY_AGAIN_LATER if response.status_code == 503 else INTERNAL_ERROR
    # The connection may be lost, or closed already.
    with suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code, "reason": reason})
