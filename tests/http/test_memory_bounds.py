"""The memory of caches that are bounded by a number of entries, filled with their largest ones."""

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from models.division import DivisionRead, DivisionType
from models.money import format_amount
from models.timestamps import format_timestamp
from models.token_use import MAXIMUM_TOKENS, TokenUses
from models.user import MAXIMUM_BUYERS, Buyer, Buyers
from web.graphql.media_type import choose_media_types
from web.graphql.request import LONGEST_CONTENT_TYPE, parse_content_type
from web.http.address_limit import LONGEST_ADDRESS, client_address
from web.http.content_coding import parse_accept_encoding
from web.http.rate_limit import MAXIMUM_KEYS, rate_limits

MEGABYTE = 1_000_000


async def fill_buyers() -> object:
    """Lets buyers in whose texts are the longest, in letters that take the most bytes."""

    def text(number: int) -> str:
        return f"{number:05d}" + "😀" * 250

    def division(number: int, parent: DivisionRead | None) -> DivisionRead:
        kind = DivisionType.SUB if parent else DivisionType.MAIN
        return DivisionRead(
            id=number,
            erp_code=text(number),
            name=text(number),
            type=kind,
            is_active=True,
            parent=parent,
        )

    buyers = Buyers(60)
    for number in range(MAXIMUM_BUYERS + 100):
        below = division(number, division(number, None))
        buyer = Buyer(number, text(number), text(number), text(number), below)
        buyers._store(f"{number:064d}", monotonic() + 60, buyer)
    return buyers


async def fill_rate_limits() -> object:
    """Counts addresses as long as they may be against both limits."""
    context = rate_limits(None, token="1/year", address="1/year")
    limits = await context.__aenter__()
    assert limits.token is not None
    assert limits.address is not None
    for number in range(MAXIMUM_KEYS + 100):
        await limits.token.take(f"{number:064d}")
        host = client_address({"client": (f"{number:064d}" + "x" * 60_000, 1)})
        assert len(host) == LONGEST_ADDRESS == 64
        await limits.address.take(host)
    return context, limits


async def fill_token_uses() -> object:
    """Notes as many tokens as are noted, beside as many that are written."""
    uses = TokenUses()
    for number in range(2 * MAXIMUM_TOKENS):
        if number == MAXIMUM_TOKENS:
            uses._written, uses._due = uses._due, set()
        uses.note(f"{number:064d}")
    return uses


async def fill_amounts() -> object:
    """Formats more amounts and timestamps than are remembered."""
    for number in range(33_000):
        format_amount(10**17 + number)
    for number in range(4_200):
        format_timestamp(f"2026-11-25 10:00:{number % 60:02d}.{number:06d}+00:00")
    return None


async def fill_headers() -> object:
    """Reads headers of clients, each other ones and as long as they are read."""
    for number in range(300):
        header = b"%d;" % number + b"x" * (LONGEST_CONTENT_TYPE - 10)
        choose_media_types(header)
        parse_content_type(header)
        parse_accept_encoding(header)
    return None


@pytest.mark.parametrize(
    ("fill", "megabytes"),
    [
        (fill_buyers, 90),
        (fill_rate_limits, 30),
        (fill_token_uses, 5),
        (fill_amounts, 10),
        (fill_headers, 1),
    ],
)
async def test_entries_of_the_largest_size_take_no_more_than_the_documented_bytes(
    fill: Callable[[], Awaitable[object]], megabytes: int
) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        filled = await fill()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del filled
    assert megabytes * MEGABYTE / 4 < taken < megabytes * MEGABYTE
