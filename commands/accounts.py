"""The commands that bind users to accounts at identity providers, and free them."""

import argparse
from collections.abc import Sequence

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

import settings
from commands.administration import (
    AdministrationRejected,
    clean_text,
    record,
    require_user,
)
from commands.database import on_database
from commands.output import show
from models.audit.people import user_bound, user_unbound
from models.identity import Identity, bind_user, hash_account
from models.user import User


async def bind_account(email: str, issuer: str, subject: str) -> User:
    """Binds a user to an account instead of the one that they may be bound to."""
    user, subject = await require_user(email), clean_text(subject, "subject")
    issuer = _check_issuer(issuer)
    try:
        async with in_transaction():
            bound = await _find_identities(user_id=user.id)
            if [identity.digest for identity in bound] != [hash_account(issuer, subject)]:
                await _free(bound)
                await bind_user(user, issuer, subject)
                await record(user_bound(user.id, issuer, subject))
            return user
    except IntegrityError:
        raise AdministrationRejected(
            f"The account {subject!r} of {issuer} is bound to another user, "
            "or was bound meanwhile; `user unbind` frees it."
        ) from None


async def unbind_user(email: str) -> Sequence[str]:
    """Frees a user from their account; returns their e-mail address, nothing without one."""
    user = await require_user(email)
    async with in_transaction():
        return await _free(await _find_identities(user_id=user.id))


async def unbind_issuer(issuer: str) -> Sequence[str]:
    """Frees all users from their accounts at an issuer, and returns their e-mail addresses."""
    issuer = clean_text(issuer, "issuer")
    async with in_transaction():
        return await _free(await _find_identities(issuer=issuer))


async def _find_identities(**of: object) -> Sequence[Identity]:
    identities = Identity.filter(**of).select_for_update(of=("identity",))
    return await identities.select_related("user").order_by("id")


async def _free(identities: Sequence[Identity]) -> Sequence[str]:
    for identity in identities:
        await identity.delete()
        await record(user_unbound(identity.user.id, identity.issuer, identity.subject))
    return [identity.user.email for identity in identities]


def _check_issuer(issuer: str) -> str:
    issuer = clean_text(issuer, "issuer")
    known = [each.url for each in settings.ISSUERS]
    # A slash too many would bind the user to an account that nobody can have.
    if known and issuer not in known:
        raise AdministrationRejected(
            f"The issuer {issuer!r} is none of OIDC_ISSUER or OIDC_ISSUERS: {', '.join(known)}."
        )
    return issuer


@on_database
async def bind(arguments: argparse.Namespace) -> None:
    """Binds a user to an account."""
    user = await bind_account(arguments.email, arguments.issuer, arguments.subject)
    account = {"issuer": arguments.issuer.strip(), "subject": arguments.subject.strip()}
    text = f"User {user.email} is bound to the account {account['subject']} of {account['issuer']}."
    show(arguments, {"email": user.email} | account, text)


@on_database
async def unbind(arguments: argparse.Namespace) -> None:
    """Frees a user, or all users of an issuer, from their accounts."""
    if arguments.email is not None:
        freed = await unbind_user(arguments.email)
        word = "no longer" if freed else "not"
        show(
            arguments,
            {"emails": freed},
            f"User {arguments.email} is {word} bound to an account.",
        )
        return
    freed = await unbind_issuer(arguments.issuer)
    users = f"{len(freed)} user{'' if len(freed) == 1 else 's'}"
    show(arguments, {"emails": freed}, f"Unbound {users} of {arguments.issuer}.")
