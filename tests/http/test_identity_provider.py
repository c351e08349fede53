"""Who gets in by a token of an identity provider, and for how long."""

import asyncio
import logging
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine

from models.audit.tables import AuditEntry
from models.division import Division
from models.identity import ErasedPerson, Identity, hash_account, hash_email
from models.user import Token, User
from settings.issuers import Issuer
from tests.http.test_authentication import UNAUTHENTICATED
from tests.support.events import first_event, subscribe
from tests.support.exports import completed, fill
from tests.support.identity_provider import AUDIENCE, IdentityProvider, identity_provider
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.transport_ws import open_peer
from tests.support.waiting import TIMEOUT_SECONDS
from tests.support.websockets import listen
from web.http.credentials import MAXIMUM_TOKENS, Credential, RememberedTokens

VIEWER = "{ viewer { email } }"
ACTIVE = "subscription { activeBasket { id version } }"
PERSON: dict[str, Any] = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "division": "ERP02",
}


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """A provider of this test."""
    async with identity_provider() as opened:
        yield opened


@asynccontextmanager
async def serve_with(
    provider: IdentityProvider, database_url: str, shop: Shop, **options: Any
) -> AsyncIterator[Service]:
    """Serves the two companies; the provider may vouch for the users of ERP01."""
    issuers = (Issuer(provider.url, AUDIENCE, ("ERP01",)),)
    async with serve(database_url, shop, **({"issuers": issuers} | options)) as service:
        yield service


@pytest.fixture
async def company(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> AsyncIterator[Service]:
    """A service that creates no users."""
    async with serve_with(provider, database_url, shop) as service:
        yield service


async def who(service: Service, token: str) -> str | None:
    """Returns the user that a token lets in; None when it is rejected like any other."""
    response = await service.caller(token).post(VIEWER)
    if response.status_code == 401:
        assert response.json() == UNAUTHENTICATED
        return None
    email: str = response.json()["data"]["viewer"]["email"]
    return email.removesuffix("@example.invalid")


async def bindings() -> dict[str, str]:
    """Returns the subject that each bound user logs in with."""
    rows = await Identity.all().values_list("user__email", "subject")
    return {str(email).split("@")[0]: str(subject) for email, subject in rows}


async def test_a_user_is_found_by_a_verified_address_and_bound_for_good(
    company: Service, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    assert (
        await who(company, provider.token("main", email="MAIN@example.invalid")) == "main"
    )
    assert await bindings() == {"main": "subject-of-main"}
    # From now on the account counts, whatever address it has.
    assert await who(company, provider.token("main", email="x@x.invalid")) == "main"
    assert await who(company, provider.token("main", email=None)) == "main"
    # Another account with the same address is somebody else, until an operator says otherwise.
    usurper = provider.token("main", sub="usurper")
    assert await who(company, usurper) is None
    assert "bound to another account; `user unbind` frees them" in caplog.text
    await Identity.all().delete()
    assert await who(company, usurper) == "main"
    assert await who(company, provider.token("main")) is None
    assert await bindings() == {"main": "usurper"}
    entries = (
        await AuditEntry.all().order_by("id").values_list("actor_kind", "actor", "action")
    )
    assert entries == [("TOKEN", provider.url, "USER_BOUND")] * 2


async def test_who_is_not_known_for_certain_is_rejected_and_nothing_is_written(
    company: Service, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    rejected = {
        provider.token(email_verified=False): "no verified e-mail address",
        provider.token(email_verified="true"): "no verified e-mail address",
        provider.token(email_verified=1): "no verified e-mail address",
        provider.token(email_verified=None): "no verified e-mail address",
        provider.token(email=["main@example.invalid"]): "no verified e-mail address",
        provider.token(email="main"): "its e-mail address is not accepted",
        provider.token(
            email="main@example.invalid\0"
        ): "its e-mail address is not accepted",
        provider.token(email="nobody@example.invalid"): "no user has its e-mail address",
        provider.token("gone"): "its user is inactive",
        provider.token("other"): "may not vouch for users of the main division ERP05",
        provider.token(sub="a\u2028b"): "its subject is not accepted",
        "not.a.token": "it is malformed",
    }
    for token, reason in rejected.items():
        caplog.clear()
        assert await who(company, token) is None, reason
        assert reason in caplog.text
        assert "example.invalid" not in caplog.text
        assert not any(part in caplog.text for part in token.split(".") if len(part) > 5)
    assert (await bindings(), await AuditEntry.all().count()) == ({}, 0)


async def test_an_address_that_only_looks_the_same_is_not_the_same(
    company: Service, provider: IdentityProvider
) -> None:
    division = await Division.get(erp_code="ERP02")
    await User.create(
        email="kk@example.invalid", first_name="K", last_name="K", division=division
    )
    assert await who(company, provider.token("k\u212a")) is None
    assert await bindings() == {}
    assert await who(company, provider.token("KK")) == "kk"


async def test_what_changes_after_the_login_counts_for_the_next_request(
    company: Service, provider: IdentityProvider
) -> None:
    token = provider.token("sub")
    assert await who(company, token) == "sub"
    users = User.filter(email="sub@example.invalid")
    await users.update(is_active=False)
    assert await who(company, token) is None
    assert await who(company, provider.token("sub")) is None
    await users.update(is_active=True)
    assert await who(company, token) == "sub"
    # Unbound, the next login binds them, be its token known or not.
    await Identity.all().delete()
    assert await who(company, token) == "sub"
    assert await bindings() == {"sub": "subject-of-sub"}
    # In the other company, for which this provider may not vouch.
    await users.update(division_id=company.divisions["ERP06"].id)
    assert await who(company, token) is None
    await users.update(division_id=company.divisions["ERP04"].id)
    content = (await company.caller(token).post("{ activeBasket { id } }")).json()
    assert content["errors"][0]["extensions"] == {"code": "DIVISION_INACTIVE"}


async def test_a_remembered_token_ends_at_its_expiry(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> None:
    async with serve_with(
        provider, database_url, shop, oidc_leeway_seconds=0, token_kept_seconds=86_400
    ) as service:
        token = provider.token(exp=int(time.time()) + 600)
        later = provider.token(exp=int(time.time()) + 6_000)
        assert await who(service, token) == await who(service, later) == "main"
        with time_machine.travel(time.time() + 601):
            assert await who(service, token) is None
            assert await who(service, later) == "main"


async def test_known_tokens_cost_no_provider_and_withdrawn_keys_end_them(
    company: Service, provider: IdentityProvider
) -> None:
    token = provider.token()
    assert await who(company, token) == "main"
    provider.status = 503
    assert await who(company, token) == "main"
    assert await who(company, provider.token("sub")) == "sub"
    credentials = company.application.state["credentials"]
    provider.status, provider.private = 200, {}
    provider.add_key("new", "EdDSA")
    known = credentials._providers._providers[provider.url]
    known._due_at = 0
    await credentials._providers.refresh()
    assert await who(company, token) is None
    assert await who(company, provider.token(key="new")) == "main"


async def test_users_are_created_in_the_division_of_a_claim(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> None:
    async with serve_with(
        provider, database_url, shop, oidc_create_users=True, oidc_division_claim="unit"
    ) as service:
        person: dict[str, Any] = {
            "given_name": " Ada ",
            "family_name": "Lovelace",
            "unit": "ERP02",
        }
        before = await User.all().count()
        for wrong in (
            {"unit": None},
            {"unit": "ERP99"},
            {"unit": 2},
            {"unit": "ERP06"},
            {"given_name": None},
            {"family_name": "  "},
            {"family_name": "L" * 256},
            {"email_verified": False},
            {"email": "a da@example.invalid"},
        ):
            assert await who(service, provider.token("ada", **(person | wrong))) is None, (
                wrong
            )
        assert (await User.all().count(), await bindings()) == (before, {})
        assert await who(service, provider.token("ada", **person)) == "ada"
        user = await User.get(email="ada@example.invalid").select_related("division")
        assert (user.first_name, user.last_name) == ("Ada", "Lovelace")
        assert user.division.erp_code == "ERP02"
        actions = await AuditEntry.all().order_by("id").values_list("action", "user_id")
        assert actions == [("USER_ADDED", user.id), ("USER_BOUND", user.id)]
        # Nobody comes back by a token.
        await User.filter(id=user.id).update(is_active=False)
        assert await who(service, provider.token("ada", **person)) is None
        assert await who(service, provider.token("ada", sub="new", **person)) is None
        await Identity.all().delete()
        await User.filter(id=user.id).delete()
        await ErasedPerson.create(digest=hash_email("Ada@example.invalid"))
        assert await who(service, provider.token("ada", **person)) is None
        await ErasedPerson.create(digest=hash_account(provider.url, "subject-of-bea"))
        assert await who(service, provider.token("bea", **person)) is None
        assert (await User.all().count(), await bindings()) == (before, {})


@pytest.mark.parametrize("claim", ["email", "sub"])
async def test_first_logins_at_once_are_one(
    provider: IdentityProvider, database_url: str, shop: Shop, claim: str
) -> None:
    async with serve_with(
        provider, database_url, shop, oidc_user_claim=claim, oidc_create_users=True
    ) as service:
        names = ["ada"] * 8 + (["main"] * 8 if claim == "email" else [])
        tokens = [
            provider.token(name, jti=str(i), **PERSON) for i, name in enumerate(names)
        ]
        logins = [who(service, token) for token in tokens]
        assert await asyncio.gather(*logins) == names
        assert await bindings() == {name: f"subject-of-{name}" for name in names}
        actions = await AuditEntry.all().values_list("action", flat=True)
        assert sorted(map(str, actions)) == ["USER_ADDED"] + ["USER_BOUND"] * len(
            set(names)
        )


async def test_by_sub_only_those_who_are_bound_or_new_get_in(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> None:
    async with serve_with(
        provider, database_url, shop, oidc_user_claim="sub", oidc_create_users=True
    ) as service:
        assert await who(service, provider.token("main", **PERSON)) is None
        assert await bindings() == {}
        user = await User.get(email="main@example.invalid")
        digest = hash_account(provider.url, "subject-of-main")
        await Identity.create(
            user=user, issuer=provider.url, subject="subject-of-main", digest=digest
        )
        assert await who(service, provider.token("main", email="x@x.invalid")) == "main"
        assert await who(service, provider.token("ada", **PERSON)) == "ada"


async def test_several_providers_vouch_each_for_their_own(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> None:
    async with identity_provider() as second:
        second.add_key("rsa", "ES256")
        issuers = (
            Issuer(provider.url, AUDIENCE, ("ERP01",)),
            Issuer(second.url, "shop", ("ERP05", "ERP99")),
        )
        async with serve_with(provider, database_url, shop, issuers=issuers) as service:
            assert await who(service, provider.token("main")) == "main"
            assert await who(service, second.token("other", aud="shop")) == "other"
            assert await who(service, second.token("other")) is None
            assert await who(service, second.token("sub", aud="shop")) is None
            # The same subject at the other provider is another account.
            wrong = second.token("main", aud="shop", sub="subject-of-main")
            assert await who(service, wrong) is None
            # One cannot sign for the other.
            assert await who(service, second.token("main", iss=provider.url)) is None


async def test_tokens_of_ours_go_on_beside_them(
    company: Service, provider: IdentityProvider
) -> None:
    assert await who(company, "main") == "main"
    assert await who(company, provider.token()) == "main"
    # Neither the digest of an account nor that of a token lets anyone in.
    for digest in (
        (await Identity.get()).digest,
        (await Token.filter(user__email="main@example.invalid").get()).digest,
    ):
        assert await who(company, digest) is None


async def test_every_transport_takes_them(
    company: Service, provider: IdentityProvider
) -> None:
    token = provider.token()
    headers = {"Authorization": f"Bearer {token}"}
    await fill(company.caller(token))
    export = await completed(company.caller(token))
    path = urlsplit(export["url"]).path
    assert (await company.client.get(path, headers=headers)).status_code == 200
    assert (await company.client.get(path)).status_code == 401
    assert (await company.client.get("/api/v1/basket/", headers=headers)).status_code == 200
    event = await first_event(company.application, ACTIVE, headers)
    assert event.json()["data"]["activeBasket"]["version"] == 1
    parts = headers | {"Accept": "multipart/mixed; subscriptionSpec=1.0"}
    async with listen(company) as server, open_peer(server.url) as peer:
        await peer.initialise(token=token)
        await peer.subscribe("1", VIEWER)
        assert await peer.next("1") == {"email": "main@example.invalid"}
        address = f"http://127.0.0.1:{server.port}/graphql"
        async with httpx.AsyncClient(headers=parts, timeout=TIMEOUT_SECONDS) as client:
            sent = client.stream("POST", address, json={"query": ACTIVE})
            async with sent as response:
                assert response.status_code == 200
                pieces = response.aiter_bytes()
                # Fails by StopAsyncIteration when the response ends without it.
                while b'"version":1' not in await anext(pieces):
                    pass
    async with listen(company) as server, open_peer(server.url) as peer:
        await peer.send(type="connection_init", payload={"token": "a." * 8_000})
        assert await peer.closed() == (4403, "Forbidden")
    large = {"Authorization": f"Bearer {'a.' * 500_000}"}
    assert (await company.client.get("/api/v1/basket/", headers=large)).status_code == 401


async def _unbind() -> None:
    await Identity.all().delete()


async def _deactivate() -> None:
    await User.filter(email="main@example.invalid").update(is_active=False)


async def _move() -> None:
    division = await Division.get(erp_code="ERP05")
    await User.filter(email="main@example.invalid").update(division_id=division.id)


async def _expire() -> None:
    """Lets no time pass: the end of the token is in the session."""


@pytest.mark.parametrize("end", [_unbind, _deactivate, _move, _expire])
async def test_streams_end_with_the_account_or_its_token(
    provider: IdentityProvider, sqlite_url: str, shop: Shop, end: Any
) -> None:
    async with serve_with(provider, sqlite_url, shop, oidc_leeway_seconds=0) as service:
        token = provider.token()
        async with listen(service) as server, open_peer(server.url) as peer:
            await peer.initialise(Authorization=f"Bearer {token}")
            await peer.subscribe("1", ACTIVE)
            assert await peer.next("1") is None
            address = f"http://127.0.0.1:{server.port}"
            async with subscribe(address, ACTIVE, token) as stream:
                assert await stream.next() is None
                await end()
                if end is _expire:
                    for session in service.application.state["session_guard"]._sessions:
                        assert session.credential.ends_at < time.time() + 700
                        session.credential = session.credential._replace(ends_at=0)
                assert await peer.closed() == (4403, "The token is not valid any more.")
                with pytest.raises(httpx.RemoteProtocolError):
                    await stream.next_content()


def test_remembered_tokens_are_bounded_in_bytes() -> None:
    remembered = RememberedTokens()
    tracemalloc.start()
    try:
        for number in range(MAXIMUM_TOKENS + 1_000):
            credential = Credential(f"account-{number:056d}", time.time() + 600 + number)
            remembered.add(f"{number:064d}", credential)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 12_000_000
    assert remembered.find(f"{999:064d}") is None
    assert remembered.find(f"{1_000:064d}") is not None
    remembered.add("ended", Credential("account-", time.time()))
    assert remembered.find("ended") is None
