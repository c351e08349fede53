"""Amounts of money as whole hundredths, so that sums are exact in both databases and in Python."""

from decimal import Decimal
from typing import NewType

Cents = NewType("Cents", int)
"""An amount in hundredths of its currency's unit: 8165 is 81.65."""

MAXIMUM_PRICE = Decimal("40000000.00")
"""The highest unit price: times the highest total quantity it still fits 64 bits."""


def cents_of(amount: Decimal) -> Cents:
    """Turns an amount with at most two decimals into hundredths; raises ValueError when it has more."""
    cents = amount.scaleb(2)
    if cents != int(cents):
        raise ValueError(f"{amount} has more than two decimals.")
    return Cents(int(cents))


def amount_text(cents: int) -> str:
    """Writes hundredths as a decimal number: 8165 becomes 81.65. Amounts here are never negative."""
    return f"{cents // 100}.{cents % 100:02d}"
