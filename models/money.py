"""Amounts of money as whole hundredths, so that sums are exact in both databases and in Python."""

from decimal import Decimal
from functools import lru_cache
from typing import NewType

Cents = NewType("Cents", int)
"""An amount in hundredths of its currency's unit: 8165 is 81.65."""

MAXIMUM_PRICE = Decimal("40000000.00")
"""The highest unit price: times the highest total quantity it still fits 64 bits."""


def cents_from_amount(amount: Decimal) -> Cents:
    """Returns an amount of at most two decimals in hundredths; raises ValueError for more."""
    cents = amount.scaleb(2)
    if cents != int(cents):
        raise ValueError(f"{amount} has more than two decimals.")
    return Cents(int(cents))


_HUNDREDTHS = tuple(f".{cents:02d}" for cents in range(100))


@lru_cache(32_768)
def format_amount(cents: int) -> str:
    """Writes hundredths as a decimal number: 8165 becomes 81.65. Amounts here are never negative.

    A basket has some hundred amounts, most of them the prices of few products: the cache makes it
    five times as fast.
    """
    return f"{cents // 100}{_HUNDREDTHS[cents % 100]}"
