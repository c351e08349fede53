"""The fixtures of the client of Commerce."""

from collections.abc import AsyncIterator

import pytest

from commerce.client import (
    CommerceClient,
)
from tests.support.misbehaving_commerce import (
    MisbehavingCommerce,
    misbehaving_commerce,
)
from tests.support.waiting import TIMEOUT_SECONDS


@pytest.fixture
async def commerce() -> AsyncIterator[MisbehavingCommerce]:
    async with misbehaving_commerce() as server:
        yield server


@pytest.fixture
async def client(commerce: MisbehavingCommerce) -> AsyncIterator[CommerceClient]:
    async with CommerceClient(commerce.url, timeout=TIMEOUT_SECONDS) as opened:
        yield opened
