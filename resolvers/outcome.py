"""The outcome of a change: the changed rows, or the rejections."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import strawberry
from prometheus_client import Counter

from models.basket.prices import Repriced
from models.basket.problems import Problem
from models.basket.rows import BasketRows, FullBasket
from models.export.export import ExportRead
from models.money import Cents
from models.quotation import QuotationRead
from models.rejections import Rejection
from resolvers.line_outcomes import CheckedLines
from schema.basket import Basket
from schema.basket_export import BasketExport
from schema.basket_item import BasketItem
from schema.basket_problem import BasketProblem, problems_from_rows
from schema.basket_rows import baskets_from_rows
from schema.line_outcome import LineOutcome
from schema.node import IdKind, id_of
from schema.outcome import ImportReport, PriceChange
from schema.quotation import Quotation
from schema.user_error import UserError

REJECTIONS = Counter("basket_rejections", "Rejections, by code.", ["code"])
"""Every rejection that was sent; one sent again for the same idempotency key counts once."""


# Without slots, because cached properties need a dictionary; frozen, it would take five times as
# long to make.
@dataclass
class Outcome:
    """Either the rows of what changed, or the rejections."""

    baskets: BasketRows | None = None
    displaced: BasketRows | None = None
    quotation: QuotationRead | None = None
    export: ExportRead | None = None
    export_url: str | None = None
    """The address of a file that is ready, which that of a first attempt never is."""
    deleted_id: int | None = None
    price_changes: Sequence[Repriced] = ()
    unavailable: Sequence[int] = ()
    removed: Sequence[int] = ()
    report: ImportReport | None = None
    """The outcome of the rows of a spreadsheet; None when it could not be read."""
    line_outcomes: list[LineOutcome] = field(default_factory=list)
    accepted_count: int = 0
    """How many lines were carried out, where the lines have outcomes."""
    lines: CheckedLines | None = None
    """All lines, where the input was checked line by line just now."""
    user_errors: list[UserError] = field(default_factory=list)
    problem_rows: FullBasket | None = None
    """The basket that was rejected for its problems, which `problems` are of."""
    problems: Sequence[Problem] = ()
    is_recorded: bool = True
    """Whether the lines of the basket's version tell these prices and items; not in a dry run."""
    is_final: bool = True
    """Whether a retry with the same key gets it; otherwise that is a new attempt."""

    @cached_property
    def basket(self) -> Basket | None:
        """The basket after the change; None when the input was rejected, or it is gone again."""
        return _first_basket(self.baskets)

    @cached_property
    def displaced_basket(self) -> Basket | None:
        """The basket that another one displaced as the active one; None when there was none."""
        return _first_basket(self.displaced)

    @property
    def deleted_basket_id(self) -> strawberry.ID | None:
        """The id of the basket that was deleted; None when there was none."""
        return (
            id_of(IdKind.BASKET, self.deleted_id) if self.deleted_id is not None else None
        )

    @property
    def requested_quotation(self) -> Quotation | None:
        """The quotation of the basket; None when the input was rejected."""
        return (
            Quotation.of(self.quotation, self.basket)
            if self.quotation and self.basket
            else None
        )

    @property
    def requested_export(self) -> BasketExport | None:
        """The export that was asked for; None when the input was rejected."""
        return BasketExport.of(self.export, self.export_url) if self.export else None

    @cached_property
    def _items(self) -> dict[str, BasketItem]:
        # When only a summary was read, no item was selected, here neither.
        is_full = self.baskets is not None and self.baskets.full
        items = self.basket.items if self.basket and is_full else ()
        return {item.id: item for item in items}

    @property
    def changed_items(self) -> list[PriceChange]:
        """The changes of unit prices, with their items if any item was read."""
        return [
            _price_change(each, self._items.get(id_of(IdKind.BASKET_ITEM, each.item_id)))
            for each in self.price_changes
        ]

    @property
    def unavailable_items(self) -> list[BasketItem]:
        """The items that Commerce does not sell now, if items are asked for."""
        ids = [id_of(IdKind.BASKET_ITEM, number) for number in self.unavailable]
        return [self._items[each] for each in ids if each in self._items]

    @property
    def blocking_problems(self) -> list[BasketProblem]:
        """The problems for which the basket was rejected."""
        rows = self.problem_rows
        return problems_from_rows(rows, self.problems) if rows else []

    @property
    def removed_item_ids(self) -> list[strawberry.ID]:
        """The ids of the items that the change took out of the basket."""
        return [id_of(IdKind.BASKET_ITEM, number) for number in self.removed]


def _first_basket(read: BasketRows | None) -> Basket | None:
    # After the commit of a fast path somebody else may delete the basket before it is read.
    return next(iter(baskets_from_rows(read)), None) if read else None


def _price_change(repriced: Repriced, item: BasketItem | None) -> PriceChange:
    return PriceChange(
        product_remote_id=repriced.remote_id,
        sku=repriced.sku,
        item=item,
        old_price=Cents(repriced.old_price),
        old_currency=repriced.old_currency,
        new_price=Cents(repriced.new_price),
        new_currency=repriced.new_currency,
    )


def report_lines(lines: CheckedLines, outcomes: list[LineOutcome], **rest: Any) -> Outcome:
    """Returns the outcome of lines, with the rest of it unless all of them are rejected.

    Rejections of single lines count, also where the others were carried out.
    """
    told: dict[str, Any] = {"line_outcomes": outcomes, "lines": lines}
    if lines.is_rejected:
        is_final = not lines.is_unasked
        return replace(rejected(lines.rejections()), is_final=is_final, **told)
    for index in lines.rejected:
        count_rejections(lines.lines[index].rejections)
    return Outcome(**told, **rest)


def rejected(rejections: Sequence[Rejection]) -> Outcome:
    """Returns the outcome of an input that was rejected: here rejections become user errors."""
    count_rejections(rejections)
    return Outcome(user_errors=[UserError.of(rejection) for rejection in rejections])


def count_rejections(rejections: Sequence[Rejection]) -> None:
    """Counts rejections that a client is told, once each."""
    for rejection in rejections:
        REJECTIONS.labels(rejection.code.value).inc()
