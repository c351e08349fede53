"""The keys of a provider: when they are read, and for how long they are used."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trustme

from identity import connection
from identity.connection import parse_age
from identity.errors import ProviderFailed, TokenRejected
from identity.providers import Providers, open_providers
from tests.support.identity_provider import AUDIENCE, IdentityProvider, identity_provider

READING = ["/.well-known/openid-configuration", "/keys"]


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """A provider with one key."""
    async with identity_provider() as opened:
        yield opened


@pytest.fixture
def withdrawals() -> list[str]:
    """A word per time that a key was withdrawn."""
    return []


def open_one(
    provider: IdentityProvider,
    note_withdrawal: Callable[[], None] = lambda: None,
    ca_file: str = "",
) -> AbstractAsyncContextManager[Providers]:
    """Opens the verification of a provider's tokens."""
    return open_providers(
        {provider.url: AUDIENCE},
        leeway_seconds=0,
        proxy="",
        ca_file=ca_file,
        note_withdrawal=note_withdrawal,
    )


@pytest.fixture
async def providers(
    provider: IdentityProvider, withdrawals: list[str]
) -> AsyncIterator[Providers]:
    """The verification of its tokens."""
    async with open_one(provider, lambda: withdrawals.append("withdrawn")) as opened:
        yield opened


def let_pass(providers: Providers, provider: IdentityProvider) -> None:
    """Lets the pause after a reading, and the age of the keys, be over."""
    known = providers._providers[provider.url]
    known._next_reading_at = known._due_at = 0


async def accepts(providers: Providers, token: str) -> bool:
    """Tells whether a token is accepted."""
    try:
        await providers.verify(token)
    except TokenRejected:
        return False
    return True


async def test_unknown_keys_cause_one_reading_and_then_a_pause(
    provider: IdentityProvider, providers: Providers
) -> None:
    tokens = [provider.token(headers={"kid": str(number)}) for number in range(50)]
    checks = [accepts(providers, token) for token in [*tokens, provider.token()]]
    assert await asyncio.gather(*checks) == [False] * 50 + [True]
    assert provider.requests == READING
    provider.add_key("new", "ES256")
    new = provider.token(key="new")
    assert not await accepts(providers, new)
    assert provider.requests == READING
    let_pass(providers, provider)
    assert (
        await asyncio.gather(*(accepts(providers, new) for _ in range(20))) == [True] * 20
    )
    assert provider.requests == READING * 2


async def test_known_keys_go_on_working_while_the_provider_is_down(
    provider: IdentityProvider, providers: Providers, withdrawals: list[str]
) -> None:
    await providers.refresh()
    provider.status = 503
    let_pass(providers, provider)
    with pytest.raises(ProviderFailed, match="answered with status 503"):
        await providers.refresh()
    assert await accepts(providers, provider.token())
    assert not await accepts(providers, provider.token(headers={"kid": "new"}))
    assert provider.requests == [*READING, READING[0]]
    assert withdrawals == []


async def test_a_withdrawn_key_ends_with_the_next_reading(
    provider: IdentityProvider, providers: Providers, withdrawals: list[str]
) -> None:
    provider.add_key("second", "EdDSA")
    old, second = provider.token(), provider.token(key="second")
    await providers.refresh()
    assert await accepts(providers, old)
    await providers.refresh()
    assert provider.requests == READING
    del provider.private["rsa"]
    let_pass(providers, provider)
    await providers.refresh()
    assert (await accepts(providers, old), await accepts(providers, second)) == (
        False,
        True,
    )
    # Another key under the name of the old one is a withdrawal, too.
    provider.add_key("second", "EdDSA")
    let_pass(providers, provider)
    await providers.refresh()
    assert not await accepts(providers, second)
    assert withdrawals == ["withdrawn"] * 2


@pytest.mark.parametrize(
    ("discovery", "jwks", "reason"),
    [
        ({"issuer": "https://evil.example"}, None, "names another issuer"),
        ({"jwks_uri": None}, None, "no jwks_uri of https"),
        ({"jwks_uri": "file:///etc/passwd"}, None, "no jwks_uri of https"),
        ({"jwks_uri": "http://[::1"}, None, "no jwks_uri of https"),
        ({}, [], "no JWKS"),
        ({}, {"keys": {}}, "no JWKS"),
        ({}, "<html>", "not JSON"),
        ({}, "[" * 100_000, "not JSON"),
        ({}, " " * 1_000_001, "more than 1000000 bytes"),
    ],
)
async def test_what_is_no_answer_changes_nothing(
    provider: IdentityProvider,
    providers: Providers,
    discovery: dict[str, object],
    jwks: object,
    reason: str,
) -> None:
    await providers.refresh()
    provider.discovery, provider.jwks = discovery, jwks
    let_pass(providers, provider)
    with pytest.raises(ProviderFailed, match=reason):
        await providers.refresh()
    assert await accepts(providers, provider.token())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(
    provider: IdentityProvider, providers: Providers, status: int
) -> None:
    provider.status = status
    with pytest.raises(ProviderFailed, match=f"status {status}"):
        await providers.refresh()
    assert provider.requests == READING[:1]


async def test_the_certificate_of_a_provider_is_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with identity_provider(tls) as provider:
        async with open_one(provider) as strangers:
            with pytest.raises(ProviderFailed, match="CertificateError"):
                await strangers.refresh()
        async with open_one(provider, ca_file=str(tmp_path / "ca.pem")) as providers:
            await providers.refresh()
            assert await accepts(providers, provider.token())
            # Keys without TLS would prove nothing.
            provider.discovery = {"jwks_uri": provider.url.replace("https", "http", 1)}
            let_pass(providers, provider)
            with pytest.raises(ProviderFailed, match="no jwks_uri of https"):
                await providers.refresh()


async def test_a_provider_that_hangs_is_given_up(
    provider: IdentityProvider, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.TIMEOUT_SECONDS == 5
    provider.answers.clear()
    session = providers._providers[provider.url]._connection._session
    assert session is not None
    monkeypatch.setattr(session, "_timeout", type(session.timeout)(total=0.05))
    with pytest.raises(ProviderFailed, match="did not answer within 5 seconds"):
        await providers.refresh()


async def test_a_request_that_ends_does_not_end_the_reading_for_others(
    provider: IdentityProvider, providers: Providers
) -> None:
    provider.answers.clear()
    first, second = (
        asyncio.create_task(accepts(providers, provider.token())) for _ in range(2)
    )
    while not provider.requests:
        await asyncio.sleep(0.01)
    first.cancel()
    provider.answers.set()
    assert await second
    assert provider.requests == READING


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 300),
        ("no-store", 300),
        ("public, max-age=600, must-revalidate", 600),
        ('Max-Age="600"', 600),
        ("max-age=0", 60),
        ("max-age=99999999999", 3_600),
        ("s-maxage=1200", 300),
        ("max-age=-5", 300),
    ],
)
def test_keys_are_used_for_as_long_as_the_provider_says_within_bounds(
    header: str, seconds: int
) -> None:
    assert parse_age(header) == seconds


async def test_the_age_of_the_keys_is_that_of_their_response(
    provider: IdentityProvider, providers: Providers
) -> None:
    provider.headers["Cache-Control"] = "max-age=1800"
    loop = asyncio.get_running_loop()
    before = loop.time()
    await providers.refresh()
    due_at = providers._providers[provider.url]._due_at
    assert before + 1_800 <= due_at <= loop.time() + 1_800
