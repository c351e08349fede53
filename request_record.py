"""The record of the request being answered: one context variable for logs, metrics and limits."""

from contextvars import ContextVar
from time import perf_counter
from typing import Protocol


class Limit(Protocol):
    """A time limit that can be lifted and set again, and whose cancellation can be taken back."""

    def lift(self) -> None: ...

    def resume(self) -> None: ...

    def check_time(self) -> None: ...

    def take_back(self) -> None: ...


class RequestRecord:
    """Notes about one request, or about one operation of a WebSocket.

    `operation` consists of the schema's words only, never of the client's. `marks` are the steps
    with the time of their end, in seconds; None where no `Server-Timing` is answered. `limit` is
    the time limit that runs. `is_logged` where the log has a line of each request.
    """

    __slots__ = (
        "began",
        "is_logged",
        "limit",
        "marks",
        "operation",
        "outcome",
        "request_id",
        "status",
    )

    def __init__(
        self, request_id: str = "", *, has_timing: bool = False, is_logged: bool = False
    ) -> None:
        self.request_id = request_id
        self.is_logged = is_logged
        self.began = perf_counter()
        self.operation = ""
        self.outcome = ""
        self.status = 0
        self.limit: Limit | None = None
        self.marks: list[tuple[str, float]] | None = [] if has_timing else None

    def mark(self, step: str) -> None:
        """Notes that a step has just ended."""
        if self.marks is not None:
            self.marks.append((step, perf_counter()))

    @property
    def is_subscription(self) -> bool:
        """Whether it lasts as long as its client likes."""
        return self.operation.startswith("subscription")

    def server_timing(self) -> bytes:
        """Returns the header `Server-Timing`, in milliseconds: each step, and the total."""
        parts, last = [], self.began
        for step, ended in self.marks or ():
            parts.append(f"{step};dur={(ended - last) * 1_000:.2f}")
            last = ended
        parts.append(f"total;dur={(perf_counter() - self.began) * 1_000:.2f}")
        return ", ".join(parts).encode()


_current: ContextVar[RequestRecord] = ContextVar("request_record")


def begin_record(
    request_id: str, *, has_timing: bool = False, is_logged: bool = False
) -> RequestRecord:
    """Returns a new record, which is the current one for the rest of this task."""
    record = RequestRecord(request_id, has_timing=has_timing, is_logged=is_logged)
    _current.set(record)
    return record


def current_record() -> RequestRecord:
    """Returns the current request's record, or a throw-away one outside a request."""
    return _current.get(None) or RequestRecord()
