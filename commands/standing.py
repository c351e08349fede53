"""The commands that show a user or a division, and say in a sentence why someone cannot buy."""

import argparse
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

import settings
from commands.administration import find_division, require_user
from commands.database import on_database
from commands.output import show
from models.audit.people import division_values, user_values
from models.basket.tables import Basket, BasketStatus
from models.division import Division, DivisionType
from models.identity import Identity
from models.quotation import Quotation
from models.timestamps import now
from models.user import Token, User, people
from settings.issuers import ALL


@on_database
async def user_show(arguments: argparse.Namespace) -> None:
    """Shows a user, and whether they can buy."""
    user = await require_user(arguments.email)
    await user.fetch_related("division__parent")
    reasons = await _reasons_against_user(user)
    open_baskets = Basket.filter(user=user, status__not=BasketStatus.SUBMITTED)
    counts = {
        "tokens": await _usable_tokens(user).count(),
        "accounts": await Identity.filter(user=user).count(),
        "open_baskets": await open_baskets.count(),
        "quotations": await Quotation.filter(user=user).count(),
    }
    values = {"id": user.id, **user_values(user), **counts}
    division = user.division
    lines = [
        f"{user.email}  {user.first_name} {user.last_name}  (user {user.id})",
        f"Division: {division.erp_code}, {division.name}.",
        f"{_words(counts)}.",
        _sentence(f"{user.first_name} {user.last_name} can buy.", "They", reasons),
    ]
    show(arguments, _with_reasons(values, reasons), lines)


@on_database
async def division_show(arguments: argparse.Namespace) -> None:
    """Shows a division, and whether anyone can buy for it."""
    division = await find_division(arguments.erp_code)
    reasons = await _reasons_against_division(division)
    counts = {
        "active_users": await people().filter(division=division, is_active=True).count(),
        "inactive_users": await people().filter(division=division, is_active=False).count(),
        "sub_divisions": await Division.filter(parent=division).count(),
    }
    values = {"id": division.id, **division_values(division), **counts}
    below = f", below {division.parent.erp_code}" if division.parent else ""
    lines = [
        f"{division.erp_code}  {division.name}  "
        f"({division.type.lower()} division {division.id}{below})",
        f"{_words(counts)}.",
        _sentence("There is someone who can buy for it.", "Nobody", reasons),
    ]
    show(arguments, _with_reasons(values, reasons), lines)


def _usable_tokens(user: User) -> QuerySet[Token]:
    is_valid = Q(expires_at__isnull=True) | Q(expires_at__gt=now())
    return Token.filter(is_valid, user=user)


async def _reasons_against_user(user: User) -> list[str]:
    reasons = []
    if not user.is_active:
        reasons.append("the user is inactive (`user activate`)")
    if not user.division.is_active:
        code = user.division.erp_code
        reasons.append(f"the division {code} is inactive (`division activate`)")
    if not await _usable_tokens(user).exists() and (account := await _account_fault(user)):
        tokens = await Token.filter(user=user).count()
        none = "all of their tokens have expired" if tokens else "they have no token"
        reasons.append(f"{none} and {account} (`token issue`)")
    return reasons


async def _account_fault(user: User) -> str | None:
    """Returns the reason why no identity provider lets a user in; None when one may."""
    main = user.division.parent or user.division
    providers = {
        issuer.url
        for issuer in settings.ISSUERS
        if issuer.divisions == (ALL,) or main.erp_code in issuer.divisions
    }
    account = await Identity.get_or_none(user=user)
    if account is None:
        # The first login binds one, if the provider may vouch for the division.
        may_bind = providers and settings.OIDC_USER_CLAIM == "email"
        return None if may_bind else "no account at an identity provider"
    if account.issuer in providers:
        return None
    return (
        f"the provider of their account, {account.issuer}, may not let users of "
        f"{main.erp_code} in (`OIDC_DIVISIONS`)"
    )


async def _reasons_against_division(division: Division) -> list[str]:
    if not division.is_active:
        return ["the division is inactive (`division activate`)"]
    # Buyers of the main division may buy for it too, unless that division is closed to them.
    ids = [division.id]
    if division.parent is not None and division.parent.is_active:
        ids.append(division.parent.id)
    if await people().filter(division_id__in=ids, is_active=True).exists():
        return []
    # Named only where there can be one.
    above = "" if division.type is DivisionType.MAIN else ", or in an active one above it,"
    return [f"no user in it{above} is active (`user add`, `user activate`)"]


def _sentence(can_buy: str, subject: str, reasons: list[str]) -> str:
    if not reasons:
        return can_buy
    verb = "can" if subject == "Nobody" else "cannot"
    return f"{subject} {verb} buy: {', and '.join(reasons)}."


def _with_reasons(values: dict[str, Any], reasons: list[str]) -> dict[str, Any]:
    return {**values, "can_buy": not reasons, "reasons": reasons}


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
