"""Rejected tokens of identity providers: all of them are counted, and few fill the log."""

import logging
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from tests.http.test_identity_provider import serve_with, who
from tests.support.identity_provider import IdentityProvider, identity_provider
from tests.support.service import Service
from tests.support.shop import Shop
from web.http.rejected_logins import LINES_PER_MINUTE, RejectedLogins


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """A provider of this test."""
    async with identity_provider() as opened:
        yield opened


@pytest.fixture
async def company(
    provider: IdentityProvider, database_url: str, shop: Shop
) -> AsyncIterator[Service]:
    """A service that accepts the provider's tokens, without limits on rates."""
    limits = {"rate_limit_token": "0", "rate_limit_address": "0"}
    async with serve_with(provider, database_url, shop, **limits) as service:
        yield service


def counted() -> float:
    """Returns the number of rejections."""
    return REGISTRY.get_sample_value("basket_identity_rejections_total") or 0


async def test_a_flood_of_bad_tokens_writes_sixty_lines(
    company: Service, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    before = counted()
    unknown = provider.token(email="nobody@example.invalid")
    for number in range(100):
        assert await who(company, f"a.{number}.c") is None
        assert await who(company, unknown) is None
    assert counted() - before == 200
    assert LINES_PER_MINUTE == 60
    assert len(caplog.messages) == 60
    # Whoever is let in is not concerned.
    assert await who(company, provider.token("main")) == "main"


def test_the_next_minute_begins_with_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "basket")
    time = [100.0]
    rejected = RejectedLogins(lambda: time[0])
    for number in range(75):
        rejected.note("Rejected: %d.", number)
    assert caplog.messages == [f"Rejected: {number}." for number in range(60)]
    caplog.clear()
    time[0] = 159.9
    rejected.note("Rejected: %s.", "late")
    assert caplog.messages == []
    time[0] = 160.0
    rejected.note("Rejected: %s.", "next")
    assert caplog.messages == [
        "16 more tokens of identity providers were rejected meanwhile.",
        "Rejected: next.",
    ]
    caplog.clear()
    time[0] = 300.0
    rejected.note("Rejected: %s.", "much later")
    assert caplog.messages == ["Rejected: much later."]
