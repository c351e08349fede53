"""The client survives every misbehaviour of Commerce, with a bounded number of requests."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from email.utils import formatdate

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
    CommerceProduct,
    UnsellableProduct,
)
from commerce.pause import parse_pause
from tests.support import misbehaving_commerce as behaviour
from tests.support.misbehaving_commerce import (
    Answer,
    MisbehavingCommerce,
    misbehaving_commerce,
    one_product,
    product_json,
)
from tests.support.waiting import TIMEOUT_SECONDS, eventually

LIST_PATH = "/api/v1/data-warehouse/products/"
PRODUCT = CommerceProduct(
    remote_id=1,
    sku="SKU01",
    name="product name",
    price=Decimal("10.55"),
    currency="try",
    variants={"color": "red"},
    product_image="http://example.com/image.jpg",
    in_stock=True,
    is_available=True,
)


@pytest.fixture
async def commerce() -> AsyncIterator[MisbehavingCommerce]:
    async with misbehaving_commerce() as server:
        yield server


@pytest.fixture
async def client(commerce: MisbehavingCommerce) -> AsyncIterator[CommerceClient]:
    async with CommerceClient(commerce.url, timeout=TIMEOUT_SECONDS) as opened:
        yield opened


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


async def test_a_slow_commerce_is_asked_three_times(commerce: MisbehavingCommerce) -> None:
    commerce.answers(behaviour.slow(3_600.0, one_product()))
    async with CommerceClient(commerce.url, timeout=0.1) as client:
        with pytest.raises(
            CommerceFailed, match=r"^Commerce did not answer within 0\.1 seconds\.$"
        ):
            await client.product(1)
    assert len(commerce.requests) == 3


async def test_a_body_that_never_ends_times_out(commerce: MisbehavingCommerce) -> None:
    commerce.answers(behaviour.endless())
    async with CommerceClient(commerce.url, timeout=0.1, retries=0) as client:
        with pytest.raises(CommerceFailed, match=r"within 0\.1 seconds"):
            await client.product(1)
    assert len(commerce.requests) == 1


async def test_one_read_ends_at_its_deadline_however_many_pages(
    commerce: MisbehavingCommerce,
) -> None:
    commerce.answers(behaviour.slow(0.35, behaviour.listed(next_page="more")))
    async with CommerceClient(commerce.url, timeout=1.0, retries=0) as client:
        with pytest.raises(
            CommerceFailed, match=r"did not answer completely within 3 seconds"
        ):
            await client.products(skus=["A"])
    assert 1 < len(commerce.requests) <= 15


async def test_a_cancelled_read_stays_cancelled(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(behaviour.slow(3_600.0, one_product()))
    for count, read in enumerate(
        (client.product(1), client.products(remote_ids=[1])), start=1
    ):
        task = asyncio.ensure_future(read)
        await eventually(lambda: len(commerce.requests) == count, "The request")  # noqa: B023
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_rejectd_connection_fails(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    await commerce.stop()
    with pytest.raises(CommerceFailed, match="could not be read") as caught:
        await client.product(1)
    assert "127.0.0.1" not in str(caught.value)
    assert commerce.requests == []


@pytest.mark.parametrize("code", [500, 502, 503, 504, 429])
async def test_a_passing_failure_is_asked_three_times(
    commerce: MisbehavingCommerce, client: CommerceClient, code: int
) -> None:
    commerce.answers(behaviour.status(code))
    with pytest.raises(CommerceFailed, match=f"^Commerce answered with status {code}\\.$"):
        await client.product(1)
    assert len(commerce.requests) == 3


@pytest.mark.parametrize("code", [204, 206, 304, 400, 401, 403, 405, 410, 418])
async def test_any_other_status_is_not_asked_again(
    commerce: MisbehavingCommerce, client: CommerceClient, code: int
) -> None:
    commerce.answers(behaviour.status(code))
    with pytest.raises(CommerceFailed, match=f"status {code}"):
        await client.product(1)
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        behaviour.status(500),
        behaviour.status(429),
        behaviour.reset(),
        behaviour.truncated(),
    ],
)
async def test_a_failure_that_passes_is_survived(
    commerce: MisbehavingCommerce, client: CommerceClient, failure: Answer
) -> None:
    commerce.answers(failure, failure, one_product())
    assert await client.product(1) == PRODUCT
    assert len(commerce.requests) == 3


async def test_retries_are_configurable(commerce: MisbehavingCommerce) -> None:
    commerce.answers(behaviour.status(500))
    async with CommerceClient(commerce.url, retries=0) as client:
        with pytest.raises(CommerceFailed):
            await client.product(1)
    assert len(commerce.requests) == 1


async def test_retry_after_is_honoured(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.status(503, Retry_After="0"),
        behaviour.status(429, Retry_After="1"),
        one_product(),
    )
    start = time.monotonic()
    assert await client.product(1) == PRODUCT
    assert time.monotonic() - start >= 1.0
    assert len(commerce.requests) == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 1 ", 1.0),
        ("3", 2.0),
        ("9" * 5_000, 2.0),
        (formatdate(0, usegmt=True), 0.0),
        (formatdate(4_000_000_000, usegmt=True), 2.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("Wed, 99 Oct 99999999999 07:28:00 GMT", None),
    ],
)
def test_a_parse_pause_is_at_most_two_seconds(
    header: str | None, seconds: float | None
) -> None:
    assert parse_pause(header) == seconds


@pytest.mark.parametrize(
    "answer",
    [
        behaviour.text("<html>Welcome</html>"),
        behaviour.text(""),
        behaviour.text("{"),
        behaviour.text('{"product": {"pk": 1, "sku": "A", "price": NaN}}'),
        behaviour.text("[" * 200_000),
        behaviour.text("9" * 5_000),
        behaviour.encoded(b"\xff\xfe\xfa", encoding="identity"),
        behaviour.json_value(None),
        behaviour.json_value([]),
        behaviour.json_value("product"),
        behaviour.json_value({}),
        behaviour.json_value({"product": []}),
        behaviour.json_value({"product": {}}),
    ],
)
async def test_what_is_no_product_fails_without_a_retry(
    commerce: MisbehavingCommerce, client: CommerceClient, answer: Answer
) -> None:
    commerce.answers(answer)
    with pytest.raises(CommerceFailed):
        await client.product(1)
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    "answer", [behaviour.huge(20_000_000), behaviour.gzip_bomb(50_000_000)]
)
async def test_a_body_of_many_megabytes_is_not_read(
    commerce: MisbehavingCommerce, client: CommerceClient, answer: Answer
) -> None:
    commerce.answers(answer)
    with pytest.raises(CommerceFailed, match="more than 8000000 bytes"):
        await client.product(1)
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        behaviour.truncated(),
        behaviour.raw_bytes(b"SSH-2.0-OpenSSH_9.2\r\n"),
        behaviour.raw_bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        behaviour.raw_bytes(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
        behaviour.encoded(b"not compressed", encoding="gzip"),
        behaviour.encoded(b"\x1f\x8b\x08\x00" + b"\xff" * 50, encoding="gzip"),
        behaviour.encoded(b"not compressed", encoding="deflate"),
    ],
)
async def test_a_broken_answer_is_asked_for_three_times(
    commerce: MisbehavingCommerce, client: CommerceClient, answer: Answer
) -> None:
    commerce.answers(answer)
    with pytest.raises(CommerceFailed, match="could not be read"):
        await client.product(1)
    assert len(commerce.requests) == 3


async def test_a_connection_that_breaks_off_is_asked_twice_an_attempt(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    # aiohttp itself asks once more, at once, when a connection ends before a byte came: it may have been a stale one.
    commerce.answers(behaviour.reset())
    with pytest.raises(CommerceFailed, match="could not be read"):
        await client.product(1)
    assert len(commerce.requests) == 6


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


async def test_extra_fields_are_ignored(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.json_value(
            {"product": product_json(weight={"kg": 1}), "in_stock": True, "new": []}
        )
    )
    assert await client.product(1) == PRODUCT


async def test_missing_fields_make_a_product_that_is_not_sold(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    minimal = {"pk": 1, "sku": "SKU01", "price": "10.55", "currency_type": "TRY"}
    commerce.answers(behaviour.json_value({"product": minimal}))
    assert await client.product(1) == CommerceProduct(
        remote_id=1,
        sku="SKU01",
        name=None,
        price=Decimal("10.55"),
        currency="try",
        variants={},
        product_image=None,
        in_stock=False,
        is_available=False,
    )


@pytest.mark.parametrize(
    ("top_level", "of_product", "expected"),
    [
        (True, False, True),
        (False, True, False),
        (None, True, True),
        ("yes", False, False),
        (None, "yes", False),
    ],
)
async def test_any_variant_in_stock_counts(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    top_level: object,
    of_product: object,
    expected: bool,
) -> None:
    commerce.answers(
        behaviour.json_value(
            {"in_stock": top_level, "product": product_json(in_stock=of_product)}
        )
    )
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.in_stock is expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": None}, "Commerce gives it no price."),
        ({"price": "ten"}, "Its price 'ten' is not a number."),
        ({"price": ""}, "Its price '' is not a number."),
        ({"price": "NaN"}, "Its price 'NaN' is not a number."),
        ({"price": "sNaN"}, "Its price 'sNaN' is not a number."),
        ({"price": "Infinity"}, "Its price 'Infinity' is not a number."),
        ({"price": "1_000"}, "Its price '1_000' is not a number."),
        ({"price": "١٠"}, "Its price '١٠' is not a number."),
        ({"price": "10,55"}, "Its price '10,55' is not a number."),
        (
            {"price": "1E9999999999999999999"},
            "Its price '1E9999999999999999999' is not a number.",
        ),
        ({"price": True}, "Its price True is not a number."),
        ({"price": ["10.55"]}, "Its price ['10.55'] is not a number."),
        ({"price": "\0\ud800"}, "Its price '\\x00\\ud800' is not a number."),
        ({"price": "-0.01"}, "Its price '-0.01' is negative."),
        ({"price": "10.555"}, "Its price '10.555' has more than two decimals."),
        ({"price": 10.555}, "Its price 10.555 has more than two decimals."),
        ({"price": "40000000.01"}, "Its price '40000000.01' is above 40000000.00."),
        ({"price": "1e999999"}, "Its price '1e999999' is above 40000000.00."),
        ({"currency_type": None}, "Commerce gives it no currency."),
        ({"currency_type": ""}, "Commerce gives it no currency."),
        ({"currency_type": "tr"}, "Its currency is 'tr'."),
        ({"currency_type": "try\n"}, "Its currency is 'try\\n'."),
        ({"currency_type": 949}, "Its currency is 949."),
    ],
)
async def test_a_price_that_is_none_makes_it_unsellable(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    changes: dict[str, object],
    reason: str,
) -> None:
    commerce.answers(one_product(**changes))
    assert await client.product(1) == UnsellableProduct(
        remote_id=1, sku="SKU01", reason=reason
    )
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("10.5500", "10.55"),
        ("10", "10.00"),
        ("10.5", "10.50"),
        (10, "10.00"),
        (10.55, "10.55"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("40000000.00", "40000000.00"),
    ],
)
async def test_a_price_has_two_decimals(
    commerce: MisbehavingCommerce, client: CommerceClient, price: object, expected: str
) -> None:
    commerce.answers(one_product(price=price))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert str(product.price) == expected


@pytest.mark.parametrize(
    "changes",
    [
        *({"pk": pk} for pk in (None, 0, -1, 2**31, 10**30, True, "1", 1.0, [1])),
        *({"sku": sku} for sku in (None, 1, True, ["A"])),
    ],
)
async def test_a_product_without_a_usable_key_fails(
    commerce: MisbehavingCommerce, client: CommerceClient, changes: dict[str, object]
) -> None:
    commerce.answers(one_product(**changes))
    with pytest.raises(CommerceFailed, match=r"whose (pk|SKU) is"):
        await client.product(1)
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    ("sku", "reason"),
    [
        ("", "Its SKU '' is blank."),
        (" \u3000", "Its SKU ' \\u3000' is blank."),
        ("\u200b\u2060", "Its SKU '\\u200b\\u2060' is blank."),
        ("A\0", "Its SKU has the character U+0000, which is not allowed."),
        ("A\nB", "Its SKU has the character U+000A, which is not allowed."),
        ("A\ud800", "Its SKU has the character U+D800, which is not allowed."),
        ("A" * 256, "Its SKU has 256 characters; at most 255 are allowed."),
    ],
)
async def test_a_sku_that_cannot_be_makes_it_unsellable_and_does_not_spoil_the_others(
    commerce: MisbehavingCommerce, client: CommerceClient, sku: str, reason: str
) -> None:
    commerce.answers(behaviour.listed(product_json(), product_json(pk=2, sku=sku)))
    assert await client.products(remote_ids=[1, 2]) == [
        PRODUCT,
        UnsellableProduct(2, sku, reason),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("İş güvenliği 🦺", "İş güvenliği 🦺"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧 set", "👨\u200d👩\u200d👧 set"),
        ("boîte à outils\u00a0: 12 pièces", "boîte à outils\u00a0: 12 pièces"),
        ("two\nlines\x07", "two lines"),
        ("\u00a0\ufeff outer \t", "outer"),
        ("\u200d", None),
        ("a\0b\ud800c", "abc"),
        ("\0", None),
        ("", None),
        (["name"], None),
        (5, None),
        ("n" * 300, "n" * 255),
    ],
)
async def test_a_name_is_cleaned_and_cut(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    name: object,
    expected: str | None,
) -> None:
    commerce.answers(one_product(name=name))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.name == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"color\0": "r\0e\ud800d", "n": None, "on": True},
            {"color": "red", "n": None, "on": True},
        ),
        ({"sizes": ["S\0", {"a": 1.5}]}, {"sizes": ["S", {"a": 1.5}]}),
        (
            {"big": 2**63, "small": 2**63 - 1},
            {"big": "9223372036854775808", "small": 9223372036854775807},
        ),
        (["red"], {}),
        ("red", {}),
        (None, {}),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {}}}}}}}}}}, {}),
        ({"long": "x" * 20_000}, {}),
    ],
)
async def test_variants_are_cleaned(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    attributes: object,
    expected: dict[str, object],
) -> None:
    commerce.answers(one_product(attributes=attributes))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.variants == expected


async def test_an_infinite_number_among_the_variants_is_null(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    answer = '{"product": {"pk": 1, "sku": "A", "price": 1, "currency_type": "try", "attributes": {"a": 1e999}}}'
    commerce.answers(behaviour.text(answer))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.variants == {"a": None}


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (
            [
                {"image": "c", "order": 3, "status": "active"},
                {"image": "b", "order": 2, "status": "active"},
                {"image": "a", "order": 1, "status": "passive"},
            ],
            "b",
        ),
        (
            [
                {"image": "a", "status": "active"},
                {"image": "b", "order": 9, "status": "active"},
            ],
            "b",
        ),
        (
            [
                None,
                "a",
                {"order": 1},
                {"image": 5, "status": "active"},
                {"image": "ok", "status": "active"},
            ],
            "ok",
        ),
        ([{"image": "i" * 2000, "status": "active"}], "i" * 2000),
        ([{"image": "i" * 2001, "status": "active"}], None),
        ([{"image": "a\0", "status": "active"}], None),
        ({}, None),
        (None, None),
    ],
)
async def test_the_image_is_the_first_active_one(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    images: object,
    expected: str | None,
) -> None:
    commerce.answers(one_product(productimage_set=images))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.product_image == expected


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
