"""The entries of changes of divisions, users and tokens."""

from datetime import datetime
from typing import Any

from models.audit.record import Entry, Values, find_changed
from models.audit.tables import AuditAction
from models.division import Division
from models.user import User


def division_values(division: Division) -> dict[str, Any]:
    """Returns the values of a division, whose parent must have been read, as the audit has them."""
    parent = division.parent
    return {
        "erp_code": division.erp_code,
        "name": division.name,
        "parent": parent.erp_code if parent else None,
        "is_active": division.is_active,
    }


def user_values(user: User) -> dict[str, Any]:
    """Returns the values of a user, whose division must have been read, as the audit has them."""
    return {
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "division": user.division.erp_code,
        "is_active": user.is_active,
    }


def division_added(division: Division) -> Entry:
    """Returns the entry of a new division."""
    return Entry(
        AuditAction.DIVISION_ADDED,
        division_id=division.id,
        after=division_values(division),
    )


def user_added(user: User) -> Entry:
    """Returns the entry of a new user."""
    return Entry(
        AuditAction.USER_ADDED,
        user_id=user.id,
        division_id=user.division.id,
        after=user_values(user),
    )


def division_changed(division_id: int, before: Values, after: Values) -> Entry:
    """Returns the entry of a change of a division, with the values that are different."""
    changed = find_changed(before, after)
    return Entry(AuditAction.DIVISION_CHANGED, None, division_id, *changed)


def user_changed(user_id: int, before: Values, after: Values) -> Entry:
    """Returns the entry of a change of a user, with the values that are different."""
    return Entry(AuditAction.USER_CHANGED, user_id, None, *find_changed(before, after))


def user_bound(user_id: int, issuer: str, subject: str) -> Entry:
    """Returns the entry of a user's binding to an account at an identity provider."""
    account = {"issuer": issuer, "subject": subject}
    return Entry(AuditAction.USER_BOUND, user_id, after=account)


def user_unbound(user_id: int, issuer: str, subject: str) -> Entry:
    """Returns the entry of a binding that is gone."""
    account = {"issuer": issuer, "subject": subject}
    return Entry(AuditAction.USER_UNBOUND, user_id, before=account)


def token_issued(token_id: int, user_id: int, expires_at: datetime | None = None) -> Entry:
    """Returns the entry of a new token, which names it by its number."""
    values: dict[str, Any] = {"token": token_id}
    if expires_at is not None:
        values["expires_at"] = expires_at.isoformat(timespec="seconds")
    return Entry(AuditAction.TOKEN_ISSUED, user_id, after=values)


def token_revoked(token_id: int, user_id: int) -> Entry:
    """Returns the entry of a token that is gone."""
    return Entry(AuditAction.TOKEN_REVOKED, user_id, before={"token": token_id})
