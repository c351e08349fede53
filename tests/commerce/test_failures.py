"""Commerce that is slow, fails or breaks off: what is asked again, and what is given up."""

import asyncio
import time
from email.utils import formatdate

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
)
from commerce.pause import parse_pause
from tests.support import misbehaving_commerce as behaviour
from tests.support.commerce_product import PRODUCT
from tests.support.misbehaving_commerce import (
    Answer,
    MisbehavingCommerce,
    one_product,
)
from tests.support.waiting import eventually


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


@pytest.mark.long
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
