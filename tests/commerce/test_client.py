"""The client survives every misbehaviour of Commerce, with a bounded number of requests."""

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
)
from tests.support import misbehaving_commerce as behaviour
from tests.support.commerce_product import LIST_PATH, PRODUCT
from tests.support.misbehaving_commerce import (
    MisbehavingCommerce,
    one_product,
)


async def test_a_product_is_read_with_one_request(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(one_product())
    assert await client.product(1) == PRODUCT
    assert [(request.path, request.query) for request in commerce.requests] == [
        ("/product/1/", {})
    ]


async def test_the_segment_is_sent_only_when_given(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(one_product())
    await client.product(1, segment_remote_id=7)
    await client.product(1, segment_remote_id=0)
    assert [request.query for request in commerce.requests] == [
        {"segment": "7"},
        {"segment": "0"},
    ]


async def test_the_token_is_sent_only_when_configured(
    commerce: MisbehavingCommerce,
) -> None:
    commerce.answers(one_product())
    for token in ("secret", ""):
        async with CommerceClient(commerce.url, token=token) as client:
            await client.product(1)
    with_token, without_token = (request.headers for request in commerce.requests)
    assert with_token["Authorization"] == "Token secret"
    assert "Authorization" not in without_token


@pytest.mark.parametrize("path", ["/store/api", "/store/api/"])
async def test_the_base_address_may_have_a_path(
    commerce: MisbehavingCommerce, path: str
) -> None:
    commerce.answers(one_product(), behaviour.listed())
    async with CommerceClient(commerce.url + path) as client:
        await client.product(1)
        await client.products(skus=["A"])
    assert [request.path for request in commerce.requests] == [
        "/store/api/product/1/",
        "/store/api" + LIST_PATH,
    ]


@pytest.mark.parametrize(
    "url", ["", "commerce", "ftp://host", "http://", "http://host/?a=1", "http://host/#a"]
)
def test_an_address_that_is_none_is_rejected_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address of Commerce"):
        CommerceClient(url)


def test_a_user_in_the_address_excludes_a_token() -> None:
    with pytest.raises(ValueError, match="must not hold a user"):
        CommerceClient("http://user:password@host", token="secret")


def test_limits_that_are_none_are_rejected_at_once() -> None:
    with pytest.raises(ValueError, match="timeout above 0"):
        CommerceClient("http://host", timeout=0)
    with pytest.raises(ValueError, match="no negative retries"):
        CommerceClient("http://host", retries=-1)
    with pytest.raises(ValueError, match="concurrency of at least 1"):
        CommerceClient("http://host", concurrency=0)


async def test_a_client_that_is_not_open_fails(commerce: MisbehavingCommerce) -> None:
    client = CommerceClient(commerce.url)
    with pytest.raises(CommerceFailed, match="not open"):
        await client.product(1)
    async with client:
        assert await client.product(1) is None
    await client.__aexit__(None, None, None)
    with pytest.raises(CommerceFailed, match="not open"):
        await client.products(remote_ids=[1])
    assert len(commerce.requests) == 1


async def test_an_unknown_product_is_none(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    assert await client.product(1) is None
    assert len(commerce.requests) == 1


@pytest.mark.parametrize("remote_id", [0, -1, 2**31])
async def test_an_impossible_remote_id_is_not_asked_for(
    commerce: MisbehavingCommerce, client: CommerceClient, remote_id: int
) -> None:
    assert await client.product(remote_id) is None
    assert await client.products(remote_ids=[remote_id]) == []
    assert commerce.requests == []
