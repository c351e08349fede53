"""The resources of authentication: the users of tokens, and the keys of identity providers."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

from identity.providers import open_providers
from models.background import background_loop
from models.database.connection import DATABASE_FAILURES
from models.division import Division, DivisionType
from models.login import LoginPolicy
from models.token_use import TokenUses, write_token_uses
from models.user import Buyers
from settings.issuers import ALL, Issuer
from settings.options import Options
from web.http.credentials import Credentials, RememberedTokens

logger = logging.getLogger("basket")

REFRESH_SECONDS = 10.0
"""Seconds between two looks whether keys are due, or a provider answers again."""


class Authentication(NamedTuple):
    """The resources by which the sender of a request is found."""

    buyers: Buyers
    credentials: Credentials


@asynccontextmanager
async def open_authentication(options: Options) -> AsyncIterator[Authentication]:
    """Opens the resources; a provider that does not answer does not delay the start."""
    uses = TokenUses()
    async with AsyncExitStack() as resources:
        await resources.enter_async_context(write_token_uses(uses))
        credentials = await _open_credentials(options, resources)
        yield Authentication(Buyers(options.token_kept_seconds, uses.note), credentials)


async def _open_credentials(options: Options, resources: AsyncExitStack) -> Credentials:
    if not options.issuers:
        return Credentials()
    with suppress(OSError, *DATABASE_FAILURES):
        await _warn_of_unknown_divisions(options.issuers)
    remembered = RememberedTokens()
    opened = open_providers(
        {issuer.url: issuer.audience for issuer in options.issuers},
        leeway_seconds=options.oidc_leeway_seconds,
        proxy=options.oidc_proxy,
        ca_file=options.oidc_ca_file,
        note_withdrawal=remembered.clear,
    )
    providers = await resources.enter_async_context(opened)
    refreshing = background_loop("identity providers", providers.refresh, REFRESH_SECONDS)
    await resources.enter_async_context(refreshing)
    policies = {issuer.url: _policy(issuer, options) for issuer in options.issuers}
    return Credentials(remembered, providers, policies, options.oidc_division_claim)


def _policy(issuer: Issuer, options: Options) -> LoginPolicy:
    return LoginPolicy(
        finds_by_email=options.oidc_user_claim == "email",
        creates_users=options.oidc_create_users,
        divisions=None if ALL in issuer.divisions else frozenset(issuer.divisions),
    )


async def _warn_of_unknown_divisions(issuers: tuple[Issuer, ...]) -> None:
    """Logs divisions that are misspelt, whose users would be turned away without a reason."""
    codes = {code for issuer in issuers for code in issuer.divisions} - {ALL}
    main = Division.filter(erp_code__in=sorted(codes), type=DivisionType.MAIN)
    known = set(await main.values_list("erp_code", flat=True))
    for code in sorted(codes - known):
        logger.warning("OIDC_DIVISIONS: there is no main division %r.", code)
