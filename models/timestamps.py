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


@lru_cache(4_096)
def format_timestamp(value: datetime | str) -> Timestamp:
    """Writes a timestamp, as either database returns it, in the form in which it is sent."""
    return Timestamp(parse_timestamp(value).isoformat(timespec="microseconds"))
