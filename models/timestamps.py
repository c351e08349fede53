"""Timestamps: as they are stored, and as they are sent."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NewType

Timestamp = NewType("Timestamp", str)
"""A timestamp in ISO 8601, always with microseconds and the offset.

Timestamps that are read often stay this text: to parse them would take longer than all other
columns together.
"""


def now() -> datetime:
    """Returns the present time, in UTC."""
    return datetime.now(UTC)


def parse_timestamp(value: datetime | str) -> datetime:
    """Reads a timestamp as either database returns it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


_WRITTEN_LENGTH = len("2026-01-02T03:04:05.678901+00:00")


def format_timestamp(value: datetime | str) -> Timestamp:
    """Writes a timestamp, as either database returns it, in the form in which it is sent."""
    # PostgreSQL writes JSON in this form, where the microseconds do not end in 0.
    if isinstance(value, str) and len(value) == _WRITTEN_LENGTH and value[10] == "T":
        return Timestamp(value)
    return _format_other(value)


@lru_cache(4_096)
def _format_other(value: datetime | str) -> Timestamp:
    return Timestamp(parse_timestamp(value).isoformat(timespec="microseconds"))
