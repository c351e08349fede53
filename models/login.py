"""The first login with an account at an identity provider, which binds it to a user."""

from collections.abc import Collection
from typing import NamedTuple

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models.audit.people import user_added, user_bound
from models.audit.record import AuditActor, record_entries
from models.audit.tables import ActorKind
from models.division import Division
from models.identity import Identity, bind_user, hash_account, is_erased
from models.person import InvalidText, accept_email, accept_text
from models.user import User, find_user
from text import find_flaw, is_blank

ATTEMPTS = 3
"""Attempts at a login beside others that bind the same user or account."""


class Account(NamedTuple):
    """An account, with the claims of its provider about the person; None for a missing claim."""

    issuer: str
    subject: str
    email: str | None
    """The e-mail address, which the provider has verified."""
    first_name: str | None = None
    last_name: str | None = None
    division: str | None = None
    """The ERP code of the division that a new user belongs to."""


class LoginPolicy(NamedTuple):
    """How users are found, and whether they are created."""

    finds_by_email: bool
    creates_users: bool
    divisions: Collection[str] | None
    """The main divisions that the issuer may vouch for; None for all."""


class LoginRejected(Exception):
    """Raised for an account that belongs to nobody; the message is for the operator's log."""


async def log_in(account: Account, policy: LoginPolicy) -> str:
    """Returns the digest of an account that is bound to a user; raises LoginRejected.

    Whether the user is active, and still in a division of the issuer, is to be checked with every
    request, as the digest is looked up.
    """
    if find_flaw(account.subject) or is_blank(account.subject):
        raise LoginRejected("its subject is not accepted")
    digest = hash_account(account.issuer, account.subject)
    for _ in range(ATTEMPTS):
        if await Identity.exists(digest=digest):
            return digest
        try:
            async with in_transaction():
                user, is_new = await _find_or_create(account, policy)
                await bind_user(user, account.issuer, account.subject)
                await _record(account, user, is_new=is_new)
            return digest
        except IntegrityError:
            # Another request of the same person, or a command, was faster: look again.
            continue
        except LoginRejected:
            # For being bound already, perhaps, by a request with the same account.
            if await Identity.exists(digest=digest):
                return digest
            raise
    raise LoginRejected("others kept binding the same user")


async def _record(account: Account, user: User, *, is_new: bool) -> None:
    actor = AuditActor(ActorKind.TOKEN, account.issuer, user.id)
    bound = user_bound(user.id, account.issuer, account.subject)
    await record_entries(actor, [user_added(user), bound] if is_new else [bound])


async def _find_or_create(account: Account, policy: LoginPolicy) -> tuple[User, bool]:
    """Returns the user of an account that is not bound yet, and whether they were created."""
    if account.email is None:
        raise LoginRejected("no user is bound to it, and it has no verified e-mail address")
    email = _clean_address(account.email)
    user = await find_user(email)
    if user is None:
        return await _create(account, email, policy), True
    if not policy.finds_by_email:
        raise LoginRejected("no user is bound to it, and users are found by `sub` only")
    await _check_may_bind(user, email, policy)
    return user, False


async def _check_may_bind(user: User, email: str, policy: LoginPolicy) -> None:
    # Databases take some letters for the same that are not, such as the sign of a kelvin and a k.
    if user.email.encode().lower() != email.encode().lower():
        raise LoginRejected("its e-mail address is only similar to that of a user")
    # Locked and read again, so that it meets no deactivation or erasure half-way.
    locked = await User.select_for_update(no_key=True).get_or_none(id=user.id)
    if locked is None or not locked.is_active or locked.email != user.email:
        raise LoginRejected("its user is inactive")
    if await Identity.exists(user_id=user.id):
        raise LoginRejected(
            "its user is bound to another account; `user unbind` frees them"
        )
    await locked.fetch_related("division__parent")
    _check_division(locked.division, policy)


async def _create(account: Account, email: str, policy: LoginPolicy) -> User:
    if not policy.creates_users:
        raise LoginRejected("no user has its e-mail address")
    if await is_erased(email, hash_account(account.issuer, account.subject)):
        raise LoginRejected("its user was erased")
    erp_code = _clean_claim(account.division, "ERP code")
    division = await Division.get_or_none(erp_code=erp_code).select_related("parent")
    if division is None:
        raise LoginRejected("it names a division that does not exist")
    _check_division(division, policy)
    return await User.create(
        email=email,
        first_name=_clean_claim(account.first_name, "first name"),
        last_name=_clean_claim(account.last_name, "last name"),
        division=division,
    )


def _check_division(division: Division, policy: LoginPolicy) -> None:
    main = division.parent or division
    if policy.divisions is not None and main.erp_code not in policy.divisions:
        raise LoginRejected(
            f"its issuer may not vouch for users of the main division {main.erp_code}"
        )


def _clean_address(text: str) -> str:
    try:
        return accept_email(text)
    except InvalidText:
        # Its message quotes the text, which a log withholds.
        raise LoginRejected("its e-mail address is not accepted") from None


def _clean_claim(text: str | None, name: str) -> str:
    try:
        return accept_text(text or "", name)
    except InvalidText:
        raise LoginRejected(f"its {name} is missing or not accepted") from None
