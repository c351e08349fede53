"""The limits of a connection, from which requests come and to which responses go."""

from dataclasses import dataclass
from typing import Self

from settings.options import Options


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The largest head, in bytes, and timeouts of a head, a pause in a body, unread output."""

    head_bytes: int
    head_seconds: float
    body_seconds: float
    send_seconds: float

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the limits of an application."""
        return cls(
            options.request_maximum_head_bytes,
            options.request_head_seconds,
            options.request_body_seconds,
            options.response_send_seconds,
        )
