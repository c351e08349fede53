"""The providers whose tokens are accepted, and the verification of a token."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import jwt

from identity.connection import ProviderConnection
from identity.errors import TokenRejected
from identity.keys import ALGORITHMS, KeyName
from identity.provider import Provider

MAXIMUM_LENGTH = 16_384
"""The longest token, in characters: those with many groups have some thousands."""
MAXIMUM_NAME_LENGTH = 255
"""The longest subject and key id, in characters."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
"""Other kinds of tokens, for example those of a log-out, are signed by the same keys."""
_REQUIRED = ["exp", "iss", "aud", "sub"]
_ALGORITHMS = frozenset(ALGORITHMS.values())


class VerifiedToken(NamedTuple):
    """The issuer, the subject and all claims of a token, and when it ends, in Unix time."""

    issuer: str
    subject: str
    ends_at: float
    claims: Mapping[str, Any]


class Providers:
    """The providers whose tokens are accepted, by their issuers."""

    def __init__(self, providers: Mapping[str, Provider], leeway_seconds: int) -> None:
        self._providers = providers
        self._leeway_seconds = leeway_seconds

    async def refresh(self) -> None:
        """Reads all keys that are due; raises ProviderFailed of a provider that did not answer."""
        results = await asyncio.gather(
            *(provider.refresh() for provider in self._providers.values()),
            return_exceptions=True,
        )
        for failure in filter(None, results):
            raise failure

    async def close(self) -> None:
        """Ends the readings that are in progress."""
        for provider in self._providers.values():
            await provider.close()

    async def verify(self, token: str) -> VerifiedToken:
        """Returns a token's contents; raises TokenRejected."""
        if len(token) > MAXIMUM_LENGTH:
            raise TokenRejected(f"it is longer than {MAXIMUM_LENGTH} characters")
        if not _COMPACT.fullmatch(token):
            raise TokenRejected("it has not the form of a signed token")
        provider, name = self._read_unverified(token)
        key = await provider.find_key(name)
        if key is None:
            raise TokenRejected(f"{provider.issuer} has no such key for {name.algorithm}")
        claims = self._decode(token, provider, key, name.algorithm)
        # PyJWT has checked its form; a number too large for a float is beyond all time.
        ends_at = float(min(claims["exp"], 2**53)) + self._leeway_seconds
        return VerifiedToken(provider.issuer, claims["sub"], ends_at, claims)

    def _read_unverified(self, token: str) -> tuple[Provider, KeyName]:
        """Returns the provider and the key that a token names; raises TokenRejected."""
        try:
            parts = jwt.decode_complete(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenRejected(f"it is malformed ({type(error).__name__})") from None
        header, issuer = parts["header"], parts["payload"].get("iss")
        provider = self._providers.get(issuer) if isinstance(issuer, str) else None
        if provider is None:
            raise TokenRejected("its issuer is not accepted")
        return provider, _read_header(header)

    def _decode(
        self, token: str, provider: Provider, key: jwt.PyJWK, algorithm: str
    ) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=provider.audience,
                issuer=provider.issuer,
                leeway=self._leeway_seconds,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            # The text of the error may quote the token; its name tells enough.
            message = f"{provider.issuer} did not issue it so ({type(error).__name__})"
            raise TokenRejected(message) from None
        if not _is_number(claims["exp"]):
            raise TokenRejected(
                f"a token of {provider.issuer} has an `exp` that is no number"
            )
        if not 0 < len(claims["sub"]) <= MAXIMUM_NAME_LENGTH:
            message = f"a token of {provider.issuer} has a `sub` of {len(claims['sub'])}"
            raise TokenRejected(
                f"{message} characters; 1 to {MAXIMUM_NAME_LENGTH} are accepted"
            )
        return claims


def _read_header(header: Mapping[str, Any]) -> KeyName:
    """Returns the key that a header names; `jku`, `jwk`, `x5u` and the like count for nothing."""
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise TokenRejected("its algorithm is not accepted")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenRejected("its type is not that of a token for access")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenRejected("its key id is no text")
    if key_id is not None and len(key_id) > MAXIMUM_NAME_LENGTH:
        raise TokenRejected(f"its key id is longer than {MAXIMUM_NAME_LENGTH} characters")
    return KeyName(key_id, algorithm)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@asynccontextmanager
async def open_providers(
    audiences: Mapping[str, str],
    *,
    leeway_seconds: int,
    proxy: str,
    ca_file: str,
    note_withdrawal: Callable[[], None],
) -> AsyncIterator[Providers]:
    """Yields the providers of some issuers, each with the audience that its tokens must name.

    `note_withdrawal` is called when a provider no longer lists a key that it had.
    """
    async with ProviderConnection(proxy, ca_file) as connection:
        found = {
            issuer: Provider(issuer, audience, connection, note_withdrawal)
            for issuer, audience in audiences.items()
        }
        providers = Providers(found, leeway_seconds)
        try:
            yield providers
        finally:
            await providers.close()
