"""Credentials, which the Authorization header of a request stands for.

A token of ours stands for itself. A token of an identity provider is verified once, stands for the
account that it was issued to, and is remembered until it ends. Either is looked up by a digest, in
the same way, so that users, divisions and revocations are checked alike.
"""

from collections.abc import Collection, Mapping
from math import inf
from time import time
from typing import NamedTuple

from identity.errors import TokenRejected
from identity.providers import Providers, VerifiedToken
from models.login import Account, LoginPolicy, LoginRejected, log_in
from models.user import Buyer, hash_token
from web.http.rejected_logins import RejectedLogins

SCHEMES = ("token", "bearer")
MAXIMUM_TOKENS = 20_000
"""The highest number of remembered tokens. Each takes 500 bytes, as its text is not stored."""


class Credential(NamedTuple):
    """The digest of a token or of an account, when it ends, and for whom it is good."""

    digest: str
    ends_at: float = inf
    """When it ends, in Unix time; a token of ours is looked up together with its end."""
    divisions: Collection[str] | None = None
    """The main divisions that its issuer may vouch for; None for all."""

    @property
    def has_ended(self) -> bool:
        """Whether the time of the credential is over."""
        return self.ends_at <= time()

    def admits(self, buyer: Buyer) -> bool:
        """Whether it lets in a user, who may have moved to another division."""
        if self.divisions is None:
            return True
        main = buyer.division.parent or buyer.division
        return main.erp_code in self.divisions


class RememberedTokens:
    """Credentials of verified tokens by the digests of those, the first one goes first."""

    def __init__(self) -> None:
        self._credentials: dict[str, Credential] = {}

    def find(self, digest: str) -> Credential | None:
        """Returns the credential of a token; None when it is not known, or has ended."""
        credential = self._credentials.get(digest)
        if credential is not None and credential.has_ended:
            del self._credentials[digest]
            return None
        return credential

    def add(self, digest: str, credential: Credential) -> None:
        """Remembers a token that was verified."""
        while len(self._credentials) >= MAXIMUM_TOKENS:
            del self._credentials[next(iter(self._credentials))]
        self._credentials[digest] = credential

    def forget(self, digest: str) -> bool:
        """Lets a token be verified anew when it is used next; returns whether it was known."""
        return self._credentials.pop(digest, None) is not None

    def clear(self) -> None:
        """Lets all tokens be verified anew, because a key was withdrawn."""
        self._credentials.clear()


class Credentials:
    """Reads credentials; without providers there are only tokens of ours."""

    def __init__(
        self,
        remembered: RememberedTokens | None = None,
        providers: Providers | None = None,
        policies: Mapping[str, LoginPolicy] | None = None,
        division_claim: str = "",
    ) -> None:
        self._remembered = remembered or RememberedTokens()
        self._providers = providers
        self._policies = policies or {}
        self._division_claim = division_claim
        self._rejected = RejectedLogins()

    async def read(self, authorization: str) -> Credential | None:
        """Returns the credential of an Authorization header; None without an accepted one."""
        token = read_token(authorization)
        if not token:
            return None
        digest = hash_token(token)
        # Tokens of ours have no points, those of providers have two.
        if self._providers is None or "." not in token:
            return Credential(digest)
        known = self._remembered.find(digest)
        if known is not None:
            return known
        return await self._log_in(self._providers, token, digest)

    def forget(self, authorization: str) -> bool:
        """Lets a token be verified anew; returns whether it was remembered."""
        return self._remembered.forget(hash_token(read_token(authorization)))

    async def _log_in(
        self, providers: Providers, token: str, digest: str
    ) -> Credential | None:
        try:
            verified = await providers.verify(token)
        except TokenRejected as rejection:
            self._rejected.note(
                "A token of an identity provider was rejected: %s.", rejection
            )
            return None
        policy = self._policies[verified.issuer]
        try:
            account = await log_in(self._read_account(verified), policy)
        except LoginRejected as rejection:
            text = "The account %r of %s was rejected: %s."
            self._rejected.note(text, verified.subject, verified.issuer, rejection)
            return None
        credential = Credential(account, verified.ends_at, policy.divisions)
        self._remembered.add(digest, credential)
        return credential

    def _read_account(self, verified: VerifiedToken) -> Account:
        claims = verified.claims
        # Anyone can enter any address at many providers; only a verified one is theirs.
        is_verified = claims.get("email_verified") is True
        return Account(
            verified.issuer,
            verified.subject,
            email=_text(claims, "email") if is_verified else None,
            first_name=_text(claims, "given_name"),
            last_name=_text(claims, "family_name"),
            division=_text(claims, self._division_claim),
        )


def read_token(authorization: str) -> str:
    """Returns the token in an Authorization header, "" without one."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() in SCHEMES else ""


def _text(claims: Mapping[str, object], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None
