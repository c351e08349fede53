"""`GET basket/` by tag and from memory."""

import httpx
import pytest

from models.division import Division
from models.product.tables import Product
from tests.support.service import Service
from tests.support.statements import note_statements
from web.http.content_coding import ZSTD

PATH = "/api/v1/basket/"


async def get(
    service: Service,
    tag: str = "",
    path: str = PATH,
    user: str = "main",
    method: str = "GET",
) -> httpx.Response:
    headers = {"Authorization": f"Token {user}", "Accept-Encoding": "identity"}
    return await service.client.request(
        method, path, headers=headers | ({"If-None-Match": tag} if tag else {})
    )


async def add(service: Service) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02"}]
    await service.main.accepted("basketItemsAdd", items=items)


async def test_a_basket_that_did_not_change_is_304_and_is_not_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(service)
    first = await get(service)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    statements = note_statements(monkeypatch)
    unchanged = await get(service, tag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == tag
    assert unchanged.headers["cache-control"] == "private, no-cache"
    again = await get(service)
    assert (again.status_code, again.content) == (200, first.content)
    head = await get(service, method="HEAD")
    assert (head.status_code, head.headers["etag"]) == (200, tag)
    assert set(statements) == {"buyers_with_tokens", "states"}


async def test_every_change_of_the_basket_changes_its_tag(service: Service) -> None:
    empty = await get(service)
    assert empty.json()["id"] is None
    assert (await get(service, empty.headers["etag"])).status_code == 304
    await add(service)
    tags = [empty.headers["etag"]]

    async def check() -> None:
        response = await get(service, tags[-1])
        assert response.status_code == 200
        tags.append(response.headers["etag"])

    await check()
    await Product.all().update(name="New")
    await check()
    assert (await get(service)).json()["basket_items"][0]["product"]["name"] == "New"
    await Division.filter(erp_code="ERP02").update(name="new")
    await check()
    await add(service)
    await check()
    assert len(set(tags)) == 5


async def test_segments_users_and_interfaces_have_tags_of_their_own(
    service: Service,
) -> None:
    paths = (PATH, f"{PATH}?segment_remote_id=1", f"{PATH}?segment_remote_id=2")
    tags = {(await get(service, path=path)).headers["etag"] for path in paths}
    tags.add((await get(service, user="sub")).headers["etag"])
    assert len(tags) == 4
    # Both prefixes lead to the same basket.
    assert (await get(service, path="/b2b/basket/")).headers["etag"] in tags


async def test_compressed_responses_are_remembered_too(service: Service) -> None:
    lines = [{"productRemoteId": n, "divisionErpCode": "ERP02"} for n in range(1, 5)]
    await service.main.accepted("basketItemsAdd", items=lines)
    plain = await get(service)
    for coding in ("gzip", "zstd", "gzip"):
        headers = {"Authorization": "Token main", "Accept-Encoding": coding}
        response = await service.client.get(PATH, headers=headers)
        assert response.headers["content-encoding"] == coding
        assert response.headers["vary"] == "Authorization, Accept, Accept-Encoding"
        assert response.headers["etag"] == plain.headers["etag"]
        # The client unpacks gzip alone.
        expected = ZSTD.compress(plain.content) if coding == "zstd" else plain.content
        assert response.content == expected
