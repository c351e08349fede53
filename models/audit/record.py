"""Recording changes in the transaction that makes them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson

from models.audit.tables import ActorKind, AuditAction, AuditEntry
from models.timestamps import now

FORMAT = 1
"""The format of the values before and after that is written here, and the only one read."""
BATCH = 1_000
"""How many entries one statement writes."""

Values: TypeAlias = Mapping[str, Any]


class AuditActor(NamedTuple):
    """Who makes a change: a user of the operating system, or a user of ours by a token."""

    kind: ActorKind
    name: str
    user_id: int | None = None


class Entry(NamedTuple):
    """A change to record; `before` is None for something new, `after` for something gone."""

    action: AuditAction
    user_id: int | None = None
    division_id: int | None = None
    before: Values | None = None
    after: Values | None = None


class UnknownDetails(Exception):
    """Raised for values in a format of another release; they stay stored."""


async def record_entries(actor: AuditActor, entries: Iterable[Entry]) -> None:
    """Writes entries, in the transaction of the changes that they are about."""
    created_at = now()
    rows = [
        AuditEntry(
            created_at=created_at,
            actor_kind=actor.kind,
            actor=actor.name,
            actor_user_id=actor.user_id,
            action=entry.action,
            user_id=entry.user_id,
            division_id=entry.division_id,
            details=details_to_text(entry.before, entry.after),
        )
        for entry in entries
    ]
    if rows:
        # No foreign key: an entry neither keeps a row from going nor goes with it.
        await AuditEntry.bulk_create(rows, batch_size=BATCH)


def find_changed(before: Values, after: Values) -> tuple[Values, Values]:
    """Returns those values before and after a change that are different."""
    # The order is that of the values after, so that equal changes are written alike.
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def details_to_text(before: Values | None, after: Values | None) -> str:
    """Returns the values before and after as they are stored."""
    return orjson.dumps({"format": FORMAT, "before": before, "after": after}).decode()


def details_from_text(text: str) -> tuple[Values | None, Values | None]:
    """Reads stored values before and after; raises UnknownDetails."""
    details = orjson.loads(text)
    if details.get("format") != FORMAT:
        raise UnknownDetails(
            f"The values of an audited change are stored in format {details.get('format')}, "
            f"and this server reads format {FORMAT}."
        )
    return details["before"], details["after"]
