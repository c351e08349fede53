"""The entries of the audit about an erased person: the change stays, the name goes."""

import orjson

from models.audit.record import (
    FORMAT,
    UnknownDetails,
    Values,
    details_from_text,
    details_to_text,
)
from models.audit.tables import AuditEntry

KEPT = ("division", "is_active", "token")
"""The values of an entry that say nothing of the person; all others go, also those to come."""


async def erase_from_audit(user_id: int) -> int:
    """Takes the personal values from all entries about or by a user; returns their number."""
    about = await AuditEntry.filter(user_id=user_id)
    for entry in about:
        entry.details = _without_person(entry.details)
    if about:
        await AuditEntry.bulk_update(about, fields=["details"], batch_size=100)
    # A number is no name: it goes on telling that the entries are of one person.
    by = await AuditEntry.filter(actor_user_id=user_id).exclude(user_id=user_id).count()
    return len(about) + by


def _without_person(details: str) -> str:
    try:
        before, after = details_from_text(details)
    except UnknownDetails:
        # Of a later release's values nobody here knows which are personal.
        return orjson.dumps({"format": FORMAT, "before": None, "after": None}).decode()
    return details_to_text(_kept(before), _kept(after))


def _kept(values: Values | None) -> Values | None:
    if values is None:
        return None
    return {name: value for name, value in values.items() if name in KEPT}
