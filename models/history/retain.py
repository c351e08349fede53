"""Versions that the history retains beyond its bounds, because an idempotency key tells of them."""

from datetime import datetime
from typing import Any, NamedTuple

from models.history.lines import ChangeLines, lines_from_text
from models.history.tables import BasketChange
from models.timestamps import now


class VersionKey(NamedTuple):
    """A version of a basket."""

    basket_id: int
    version: int


class VersionLines(NamedTuple):
    """The lines of a version, and the currency of the basket after it."""

    changes: ChangeLines
    currency: str | None


async def retain_version(key: VersionKey, until: datetime) -> None:
    """Retains a version, and all after it, until a timestamp."""
    await BasketChange.filter(**key._asdict()).update(retained_until=until)


async def find_first_retained(basket_id: int) -> int | None:
    """Returns the earliest version that is retained beyond the bounds; None for none."""
    retained = BasketChange.filter(basket_id=basket_id, retained_until__gt=now())
    change = await retained.order_by("version").only("version").first()
    return change.version if change else None


async def find_version_lines(key: VersionKey) -> VersionLines | None:
    """Reads the lines of a version; None when it is not known. Raises UnknownFormat."""
    # Two columns and not the row: a newer release may have stored a kind that is unknown here.
    change = BasketChange.filter(**key._asdict()).first()
    row: Any = await change.values_list("lines", "currency")
    return VersionLines(lines_from_text(row[0]), row[1]) if row else None
