"""Reading the audit, newest first, filtered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tortoise.expressions import Q, Subquery

from models.audit.record import UnknownDetails, Values, details_from_text
from models.audit.tables import AuditEntry
from models.division import Division
from models.user import User


class Period(NamedTuple):
    """The time from `since` until before `until`; None is without a bound."""

    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> Q:
        """Returns the condition that a row was made within the period."""
        condition = Q()
        if self.since is not None:
            condition &= Q(created_at__gte=self.since)
        if self.until is not None:
            condition &= Q(created_at__lt=self.until)
        return condition


class AuditFilter(NamedTuple):
    """The entries that are wanted; None is all."""

    user_id: int | None = None
    division_id: int | None = None
    action: str | None = None
    period: Period = Period()

    def condition(self) -> Q:
        """Returns the condition of the wanted entries.

        Those of a user are about them or by them; those of a division are about it, or about
        someone who belongs to it now or did when they were added.
        """
        condition = self.period.condition()
        if self.action is not None:
            condition &= Q(action=self.action)
        if self.user_id is not None:
            condition &= Q(user_id=self.user_id) | Q(actor_user_id=self.user_id)
        if self.division_id is not None:
            members = Subquery(User.filter(division_id=self.division_id).values("id"))
            condition &= Q(division_id=self.division_id) | Q(user_id__in=members)
        return condition


class AuditRead(NamedTuple):
    """An entry as it is read, with the names that its user and division have now.

    The values are None where they are stored in a format of another release.
    """

    id: int
    created_at: datetime
    actor_kind: str
    actor: str
    actor_user_id: int | None
    action: str
    user_id: int | None
    user: str | None
    division_id: int | None
    division: str | None
    before: Values | None
    after: Values | None


async def read_entries(wanted: AuditFilter, limit: int) -> Sequence[AuditRead]:
    """Reads the newest entries that are wanted, the newest first."""
    entries = await AuditEntry.filter(wanted.condition()).order_by("-id").limit(limit)
    emails = await _names(User, "email", [entry.user_id for entry in entries])
    codes = await _names(Division, "erp_code", [entry.division_id for entry in entries])
    return [_entry(entry, emails, codes) for entry in entries]


async def _names(
    model: type[User] | type[Division], column: str, ids: Sequence[int | None]
) -> dict[int, str]:
    # At most as many as there are entries, so that SQLite takes them as parameters.
    wanted = list({number for number in ids if number is not None})
    rows: Any = await model.filter(id__in=wanted).values_list("id", column)
    return dict(rows)


def _entry(entry: AuditEntry, emails: dict[int, str], codes: dict[int, str]) -> AuditRead:
    try:
        before, after = details_from_text(entry.details)
    except UnknownDetails:
        before = after = None
    return AuditRead(
        entry.id,
        entry.created_at,
        entry.actor_kind,
        entry.actor,
        entry.actor_user_id,
        entry.action,
        entry.user_id,
        emails.get(entry.user_id or 0),
        entry.division_id,
        codes.get(entry.division_id or 0),
        before,
        after,
    )
