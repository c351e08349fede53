"""Redirects of Commerce: to the same product only, and never with the token elsewhere."""

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
)
from tests.support import misbehaving_commerce as behaviour
from tests.support.commerce_product import PRODUCT
from tests.support.misbehaving_commerce import (
    MisbehavingCommerce,
    misbehaving_commerce,
    one_product,
)


async def test_a_redirect_to_the_parent_is_no_product(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.redirect("/product/9/"), one_product(pk=9))
    assert await client.product(1) is None
    assert [request.path for request in commerce.requests] == ["/product/1/", "/product/9/"]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_to_the_same_product_is_followed(
    commerce: MisbehavingCommerce, client: CommerceClient, code: int
) -> None:
    commerce.answers(
        behaviour.redirect(commerce.url + "/tr/product/1/", code), one_product()
    )
    assert await client.product(1, segment_remote_id=7) == PRODUCT
    hop = commerce.requests[1]
    assert (hop.path, hop.query) == ("/tr/product/1/", {"segment": "7"})
    assert len(commerce.requests) == 2


async def test_a_redirect_loop_ends_after_five_hops(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.redirect("/product/1/"))
    with pytest.raises(CommerceFailed, match="redirected more than 5 times"):
        await client.product(1)
    assert len(commerce.requests) == 6


async def test_the_token_never_reaches_another_host(commerce: MisbehavingCommerce) -> None:
    async with (
        misbehaving_commerce() as stranger,
        CommerceClient(commerce.url, token="secret") as client,
    ):
        stranger.answers(one_product())
        commerce.answers(behaviour.redirect(stranger.url + "/product/1/"))
        assert await client.product(1) is None
        with pytest.raises(CommerceFailed, match="no list"):
            await client.products(remote_ids=[1])
        assert stranger.requests == []
    assert len(commerce.requests) == 2


@pytest.mark.parametrize(
    "location",
    ["https://127.0.0.1/", "//example.invalid/product/1/", "javascript:alert(1)"],
)
async def test_a_redirect_elsewhere_is_no_product(
    commerce: MisbehavingCommerce, client: CommerceClient, location: str
) -> None:
    commerce.answers(behaviour.redirect(location))
    assert await client.product(1) is None
    assert len(commerce.requests) == 1


async def test_a_user_in_a_redirect_is_not_followed_as_one(
    commerce: MisbehavingCommerce,
) -> None:
    commerce.answers(
        behaviour.redirect(commerce.url.replace("://", "://eve:x@") + "/product/1/"),
        one_product(),
    )
    async with CommerceClient(commerce.url, token="secret") as client:
        assert await client.product(1) == PRODUCT
    assert [request.headers["Authorization"] for request in commerce.requests] == [
        "Token secret",
        "Token secret",
    ]


@pytest.mark.parametrize("location", ["http://[", "http://127.0.0.1:99999999/"])
async def test_a_redirect_to_no_address_fails(
    commerce: MisbehavingCommerce, client: CommerceClient, location: str
) -> None:
    commerce.answers(behaviour.redirect(location))
    with pytest.raises(CommerceFailed, match="no address"):
        await client.product(1)
    assert len(commerce.requests) == 1
