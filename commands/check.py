"""The command that compares baskets with their items and their history."""

import argparse
from collections import Counter
from typing import Any

from tortoise.transactions import in_transaction

from commands.administration import record
from commands.database import run_on_database
from commands.output import show
from commands.status import FAILED
from models.audit.record import Entry
from models.audit.tables import AuditAction
from models.history.consistency import (
    CheckedBasket,
    Difference,
    History,
    check_baskets,
    repair_totals,
)


class Findings:
    """The faults of stored baskets: counted and, for the output, in words or as values."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.has_repair: bool = arguments.repair
        self.has_json: bool = arguments.has_json
        self.counted: Counter[str] = Counter()
        self.faults: list[dict[str, Any]] = []

    async def check(self, basket: CheckedBasket) -> None:
        """Reports the faults of a basket, and repairs its totals when that is asked for."""
        self.counted["baskets"] += 1
        if not basket.history.is_complete:
            self.counted["histories"] += 1
            self.counted["left"] += 1
            text = _describe_history(basket.history)
            self._add(basket.id, text, {"history": basket.history._asdict()})
        if basket.differences:
            await self._check_totals(basket)

    async def _check_totals(self, basket: CheckedBasket) -> None:
        self.counted["totals"] += 1
        if not self.has_repair:
            self.counted["left"] += 1
        repaired = await _repair(basket.id) if self.has_repair else basket.differences
        for difference in repaired:
            text = _describe(difference, has_repair=self.has_repair)
            self._add(basket.id, text, difference._asdict())

    def _add(self, basket_id: int, text: str, values: dict[str, Any]) -> None:
        # People see each fault as it is found, which may take long; JSON is one document.
        if self.has_json:
            self.faults.append({"basket": basket_id, **values})
        else:
            print(f"basket {basket_id}: {text}")

    def show_summary(self, arguments: argparse.Namespace) -> None:
        """Prints the counts and, as JSON, the faults with them."""
        names = ("baskets", "totals", "histories", "left")
        values = {name: self.counted[name] for name in names} | {"faults": self.faults}
        show(arguments, values, _summary(self.counted, has_repair=self.has_repair))


def check_totals(arguments: argparse.Namespace) -> int:
    """Prints the faults of stored baskets; returns FAILED while one of them is left."""
    findings = Findings(arguments)

    async def check_all() -> None:
        async for basket in check_baskets():
            await findings.check(basket)

    status = run_on_database(check_all)
    if not status:
        findings.show_summary(arguments)
    return status or (FAILED if findings.counted["left"] else 0)


async def _repair(basket_id: int) -> list[Difference]:
    # Around the transaction of the repair: the entry of the audit and it come together or not.
    async with in_transaction():
        found = await repair_totals(basket_id)
        if found:
            before = {column: stored for column, stored, _ in found}
            after = {column: computed for column, _, computed in found}
            basket = {"basket": basket_id}
            entry = Entry(
                AuditAction.BASKET_REPAIRED, before=basket | before, after=basket | after
            )
            await record(entry)
        return found


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
