"""The keys of download addresses: a list, the newest first, so that one can be changed without killing addresses."""

from urllib.parse import urlsplit

import pytest

import settings
from settings.secret import Secret
from tests.support.exports import completed
from tests.support.service import Service

OLD, NEW, OTHER = (Secret(letter * 32) for letter in "one")


async def status(service: Service, url: str) -> int:
    """Returns how a download without a token is answered."""
    parts = urlsplit(url)
    return (await service.client.get(f"{parts.path}?{parts.query}")).status_code


async def test_an_address_works_as_long_as_its_key_is_in_the_list(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}]
    service.shop.sell(1, "1.00")
    await service.main.accepted("basketItemsAdd", items=items)
    monkeypatch.setattr(settings, "SECRET_KEY", (OLD,))
    old = (await completed(service.main, format="CSV"))["url"]
    monkeypatch.setattr(settings, "SECRET_KEY", (NEW, OLD))
    new = (await completed(service.main, format="CSV"))["url"]
    assert [await status(service, url) for url in (old, new)] == [200, 200]
    monkeypatch.setattr(settings, "SECRET_KEY", (OLD,))
    assert [await status(service, url) for url in (old, new)] == [200, 401]
    monkeypatch.setattr(settings, "SECRET_KEY", (OTHER, NEW))
    assert [await status(service, url) for url in (old, new)] == [401, 200]
