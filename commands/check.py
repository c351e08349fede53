"""The command that compares baskets with their items and their history."""

import argparse
from collections import Counter

from commands.database import run_on_database
from commands.status import FAILED
from models.history.consistency import (
    CheckedBasket,
    Difference,
    History,
    check_baskets,
    repair_totals,
)


def check_totals(arguments: argparse.Namespace) -> int:
    """Prints the faults of stored baskets; returns FAILED while one of them is left."""
    counted: Counter[str] = Counter()

    async def check_all() -> None:
        async for basket in check_baskets():
            counted["baskets"] += 1
            await _report(basket, counted, has_repair=arguments.repair)

    status = run_on_database(check_all)
    if not status:
        print(_summary(counted, has_repair=arguments.repair))
    return status or (FAILED if counted["left"] else 0)


async def _report(
    basket: CheckedBasket, counted: Counter[str], *, has_repair: bool
) -> None:
    if not basket.history.is_complete:
        counted["histories"] += 1
        counted["left"] += 1
        print(f"basket {basket.id}: {_describe_history(basket.history)}")
    if not basket.differences:
        return
    counted["totals"] += 1
    if not has_repair:
        counted["left"] += 1
    found = await repair_totals(basket.id) if has_repair else basket.differences
    for difference in found:
        print(f"basket {basket.id}: {_describe(difference, has_repair=has_repair)}")


def _describe(difference: Difference, *, has_repair: bool) -> str:
    column, stored, computed = difference
    if has_repair:
        return f"{column} was {stored} and is now {computed}."
    return f"{column} is {stored}, and its items have {computed}."


def _describe_history(history: History) -> str:
    count, first, last, version = history
    return (
        f"the history has {count} changes from version {first} to {last}, "
        f"and the basket is at version {version}."
    )


def _summary(counted: Counter[str], *, has_repair: bool) -> str:
    repaired = " (repaired)" if has_repair and counted["totals"] else ""
    return (
        f"Checked {counted['baskets']} baskets: {counted['totals']} with wrong totals"
        f"{repaired}, {counted['histories']} with an incomplete history."
    )
