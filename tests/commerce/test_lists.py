"""Many products in one read: batches, pages, and keys of both kinds."""

import asyncio

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
    UnsellableProduct,
)
from tests.support import misbehaving_commerce as behaviour
from tests.support.commerce_product import LIST_PATH, PRODUCT
from tests.support.misbehaving_commerce import (
    Answer,
    MisbehavingCommerce,
    misbehaving_commerce,
    one_product,
    product_json,
)


async def test_a_hundred_keys_make_one_request(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.listed_as_asked())
    products = await client.products(
        remote_ids=[*range(1, 101), *range(1, 101)], segment_remote_id=7
    )
    assert [product.remote_id for product in products] == list(range(1, 101))
    asked = ",".join(str(number) for number in range(1, 101))
    assert [(request.path, request.query) for request in commerce.requests] == [
        (LIST_PATH, {"pk__in": asked, "segment": "7", "limit": "100", "page": "1"})
    ]


async def test_nothing_asked_makes_no_request(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    assert await client.products() == []
    assert commerce.requests == []


async def test_batches_run_side_by_side_in_half_of_the_slots(
    commerce: MisbehavingCommerce,
) -> None:
    commerce.answers(behaviour.listed_as_asked(delay=0.05))
    async with CommerceClient(commerce.url, concurrency=6) as client:
        products = await client.products(remote_ids=range(1, 1002))
    assert len(products) == 1001
    assert len(commerce.requests) == 11
    assert commerce.most_open_requests == 3


async def test_all_reads_share_the_slots(commerce: MisbehavingCommerce) -> None:
    commerce.answers(behaviour.slow(0.05, one_product()))
    async with CommerceClient(commerce.url, concurrency=4) as client:
        assert (
            await asyncio.gather(*(client.product(1) for _ in range(12))) == [PRODUCT] * 12
        )
    assert len(commerce.requests) == 12
    assert commerce.most_open_requests == 4


async def test_both_kinds_of_keys_find_a_product_once(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.listed(product_json()))
    assert await client.products(remote_ids=[1], skus=["SKU01"]) == [PRODUCT]
    assert len(commerce.requests) == 2


async def test_what_was_not_asked_for_is_ignored(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.listed(
            product_json(pk=2, sku="SKU02"), product_json(), product_json(pk=3, sku="sku01")
        )
    )
    assert await client.products(skus=["SKU01"]) == [PRODUCT]
    assert await client.products(remote_ids=[1]) == [PRODUCT]


async def test_an_unsellable_product_does_not_spoil_the_others(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.listed(product_json(), product_json(pk=2, sku="SKU02", price="free"))
    )
    assert await client.products(remote_ids=[1, 2]) == [
        PRODUCT,
        UnsellableProduct(
            remote_id=2, sku="SKU02", reason="Its price 'free' is not a number."
        ),
    ]


@pytest.mark.parametrize("sku", ["", " ", "A\0", "A\ud800", "A" * 256])
async def test_a_sku_that_cannot_be_is_not_asked_for(
    commerce: MisbehavingCommerce, client: CommerceClient, sku: str
) -> None:
    commerce.answers(behaviour.listed(product_json()))
    assert await client.products(skus=[sku]) == []
    assert commerce.requests == []


async def test_one_with_a_comma_is_asked_for_alone(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
) -> None:
    sku = "KBL-2,5"
    sold = [product_json(pk=pk, sku=each) for pk, each in enumerate(["A", "B", sku], 1)]
    commerce.answers(behaviour.listed(*sold))
    found = await client.products(skus=["A", sku, "B"])
    assert [product.sku for product in found] == ["A", "B", sku]
    assert sorted(request.query["sku__in"] for request in commerce.requests) == ["A,B", sku]


async def test_the_parts_of_a_sku_with_a_comma_are_not_taken_for_it(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.listed(product_json(sku="SKU01"), product_json(pk=2, sku="SKU02"))
    )
    assert await client.products(skus=["SKU01,SKU02"]) == []


async def test_a_sku_may_hold_any_other_character(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    skus = ["A+B&C=D", "50% #1/2?", "%2C", "KÖŞE İ", "'\"\\", "🦺;x"]
    commerce.answers(
        behaviour.listed(*(product_json(pk=pk, sku=sku) for pk, sku in enumerate(skus, 1)))
    )
    assert [product.sku for product in await client.products(skus=skus)] == skus
    assert [request.query["sku__in"].split(",") for request in commerce.requests] == [skus]


async def test_long_skus_are_asked_for_in_more_requests(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    skus = [f"{number:03d}" + "Ş" * 252 for number in range(20)]
    commerce.answers(behaviour.listed())
    assert await client.products(skus=skus) == []
    # Each takes 1,516 characters of an address, four of them would exceed 6,000.
    assert sorted(
        len(request.query["sku__in"].split(",")) for request in commerce.requests
    ) == [2, 3, 3, 3, 3, 3, 3]


async def test_pages_are_followed_by_number_and_never_by_address(
    commerce: MisbehavingCommerce,
) -> None:
    async with misbehaving_commerce() as stranger, CommerceClient(commerce.url) as client:
        commerce.answers(
            behaviour.listed(product_json(), next_page=stranger.url + "/steal"),
            behaviour.listed(product_json(), product_json(pk=2, sku="SKU02")),
        )
        products = await client.products(remote_ids=[1, 2])
        assert stranger.requests == []
    assert [product.remote_id for product in products] == [1, 2]
    assert [request.query["page"] for request in commerce.requests] == ["1", "2"]


async def test_pages_without_an_end_fail(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.listed(product_json(), next_page="more"))
    with pytest.raises(CommerceFailed, match="more than 20 pages"):
        await client.products(remote_ids=[1])
    assert len(commerce.requests) == 20


async def test_one_failing_batch_fails_the_read(commerce: MisbehavingCommerce) -> None:
    commerce.answers(behaviour.listed_as_asked(), behaviour.status(403))
    async with CommerceClient(commerce.url, concurrency=1) as client:
        with pytest.raises(CommerceFailed, match="status 403"):
            await client.products(remote_ids=range(1, 501))
    assert len(commerce.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        behaviour.status(404),
        behaviour.text("<html></html>"),
        behaviour.json_value(None),
        behaviour.json_value([]),
        behaviour.json_value({}),
        behaviour.json_value({"results": {}}),
        behaviour.json_value({"results": [None]}),
        behaviour.listed(product_json(), product_json(pk="2")),
    ],
)
async def test_what_is_no_list_fails_without_a_retry(
    commerce: MisbehavingCommerce, client: CommerceClient, answer: Answer
) -> None:
    commerce.answers(answer)
    with pytest.raises(CommerceFailed):
        await client.products(remote_ids=[1, 2])
    assert len(commerce.requests) == 1
