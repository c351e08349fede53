"""Every request, seen from outside: its id, its duration and outcome, its log line, and its unexpected end.

This is the outermost layer of the application. It costs each request a few microseconds; see docs/decisions.md.
"""

import logging
import re
from contextvars import ContextVar
from random import getrandbits
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

import logs
from web.http.errors import response_to
from web.monitoring.metrics import observe
from web.startup.not_serving import NotServing

access = logging.getLogger("basket.access")

GRAPHQL_PATH = "/graphql"
"""The one path that is found without a route."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+=/@:-]{1,128}")
RETRY_AFTER = b"1"
"""After how many seconds a client may try again what could not be answered just now."""


class Observed:
    """What is noted of a request while it is answered.

    `operation` is made of the schema's words only, never of the client's; `marks` are the moments, in seconds, at
    which a step of the answering ended, and are kept only where `Server-Timing` is answered.
    """

    __slots__ = ("began", "marks", "operation", "outcome", "request_id", "status")

    def __init__(self, request_id: str, marks: list[tuple[str, float]] | None) -> None:
        self.request_id = request_id
        self.began = perf_counter()
        self.operation = ""
        self.outcome = ""
        self.status = 0
        self.marks = marks

    def mark(self, step: str) -> None:
        """Notes that a step has just ended."""
        if self.marks is not None:
            self.marks.append((step, perf_counter()))

    def server_timing(self) -> bytes:
        """Returns the header `Server-Timing`, in milliseconds: each step, and the total."""
        parts, last = [], self.began
        for step, moment in self.marks or ():
            parts.append(f"{step};dur={(moment - last) * 1_000:.2f}")
            last = moment
        parts.append(f"total;dur={(perf_counter() - self.began) * 1_000:.2f}")
        return ", ".join(parts).encode()


_current: ContextVar[Observed] = ContextVar("observed")


def observed() -> Observed:
    """Returns what is noted of the request that is being answered; outside of one, what nobody reads."""
    return _current.get(None) or Observed("", None)


def request_id_of(scope: Scope) -> str:
    """Returns the caller's own id when it is short and plain, which a log and a header can take, else a random one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    # An id is for finding lines of a log, and no secret: the system's randomness would cost a call of the system.
    return f"{getrandbits(64):016x}"


class Observation:
    """ASGI middleware, outermost: nothing raised inside passes it, and every answer carries `X-Request-ID`."""

    def __init__(
        self, application: ASGIApp, *, with_timing: bool, with_access_log: bool
    ) -> None:
        self.application = application
        self.with_timing = with_timing
        self.with_access_log = with_access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or starts and stops the application."""
        if scope["type"] != "http":
            await _live(self.application, scope, receive, send)
            return
        request_id = request_id_of(scope)
        seen = Observed(request_id, [] if self.with_timing else None)
        _current.set(seen)
        logs.request_id.set(request_id)

        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
                if seen.status == 503 and not any(
                    name == b"retry-after" for name, _ in message["headers"]
                ):
                    message["headers"].append((b"retry-after", RETRY_AFTER))
                if seen.marks is not None:
                    message["headers"].append((b"server-timing", seen.server_timing()))
            await send(message)

        try:
            await self.application(scope, receive, send_observed)
        except Exception as error:
            await _end(error, seen, scope, receive, send_observed)
        finally:
            self._note(scope, seen)

    def _note(self, scope: Scope, seen: Observed) -> None:
        seconds = perf_counter() - seen.began
        observe(
            seen.operation or door_of(scope), seen.outcome or _outcome(seen.status), seconds
        )
        if self.with_access_log:
            fields = {
                "method": scope["method"],
                "door": door_of(scope),
                "operation": seen.operation,
                "outcome": seen.outcome or _outcome(seen.status),
                "status": seen.status,
                "milliseconds": round(seconds * 1_000, 2),
            }
            access.info("answered", extra={"fields": fields})


def door_of(scope: Scope) -> str:
    """Returns the template of the path that was asked for, never the path itself, which is the client's."""
    if scope["path"] == GRAPHQL_PATH:
        return GRAPHQL_PATH
    return str(getattr(scope.get("route"), "path", "")) or "unknown"


def _outcome(status: int) -> str:
    if status < 400:
        return "ok" if status else "disconnected"
    return f"http_{status}"


async def _end(
    error: Exception, seen: Observed, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers a request whose answering failed. Once its answer has begun, uvicorn closes the connection early."""
    response = response_to(error)
    if seen.status == 0:
        await response(scope, receive, send)
    else:
        seen.outcome = "broken_off"


async def _live(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Starts and stops the application. What it rejects to start on is said in one line, without a stack trace."""

    held: list[Message] = []

    async def send_held(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            held.append(message)
        else:
            await send(message)

    try:
        await application(scope, receive, send_held)
    except NotServing as reason:
        await send({"type": "lifespan.startup.failed", "message": str(reason)})
    except BaseException:
        for message in held:
            await send(message)
        raise
