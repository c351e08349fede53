"""Accounts at identity providers: to which user one belongs, and since when."""

import hashlib
import json

from tortoise import fields

from models.database.table import Table
from models.user import User
from text import MAXIMUM_LENGTH

_DIGEST_PREFIX = "account-"


class Identity(Table):
    """The one account at an identity provider that a user logs in with.

    Its digest stands where that of a token does, and can be the digest of no token.
    """

    id = fields.IntField(primary_key=True)
    user: fields.OneToOneRelation[User] = fields.OneToOneField(
        "models.User", related_name="identity"
    )
    issuer = fields.CharField(max_length=MAXIMUM_LENGTH)
    subject = fields.CharField(max_length=MAXIMUM_LENGTH)
    digest = fields.CharField(max_length=64, unique=True)
    bound_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "identity"


class ErasedPerson(Table):
    """The digest of an e-mail address, or of an account, of someone erased."""

    digest = fields.CharField(max_length=64, primary_key=True)

    class Meta:
        table = "erased_person"


def hash_account(issuer: str, subject: str) -> str:
    """Returns the digest of an account; no header that a client sends can have it."""
    # JSON, so that the end of the issuer and the beginning of the subject cannot be exchanged.
    text = json.dumps([issuer, subject])
    return (
        _DIGEST_PREFIX + hashlib.sha256(text.encode()).hexdigest()[: -len(_DIGEST_PREFIX)]
    )


def hash_email(email: str) -> str:
    """Returns the digest of an e-mail address in any letter case, as erased people leave it."""
    return hashlib.sha256(email.casefold().encode()).hexdigest()


async def bind_user(user: User, issuer: str, subject: str) -> Identity:
    """Binds a user to an account; raises IntegrityError when one of them is bound already."""
    digest = hash_account(issuer, subject)
    return await Identity.create(user=user, issuer=issuer, subject=subject, digest=digest)


async def is_erased(email: str, account_digest: str) -> bool:
    """Whether someone with this e-mail address, or this account, was erased."""
    return await ErasedPerson.filter(
        digest__in=[hash_email(email), account_digest]
    ).exists()
