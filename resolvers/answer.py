"""The answer to a change, as data that can be kept with an idempotency key and given again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import orjson
import strawberry
from prometheus_client import Counter

from models.basket.prices import Repriced
from models.basket.read import BasketRows
from models.export.export import export_of
from models.money import Cents
from models.rejections import Rejection, RejectionCode
from schema.basket import Basket, baskets_of
from schema.basket_export import BasketExport
from schema.basket_item import BasketItem
from schema.node import IdKind, id_of
from schema.outcome import ImportReport, PriceChange
from schema.quotation import Quotation
from schema.user_error import ImportRowError, UserError

REJECTIONS = Counter("basket_rejections", "Rejections, by code.", ["code"])
"""Every rejection that was answered; one that is answered again to the same idempotency key counts once."""


@dataclass(frozen=True)
class Answer:
    """Either the rows of what changed, or the rejections."""

    baskets: BasketRows | None = None
    displaced: BasketRows | None = None
    quotation: Sequence[Any] | None = None
    export: Sequence[Any] | None = None
    deleted_id: int | None = None
    price_changes: Sequence[Repriced] = ()
    unavailable: Sequence[int] = ()
    removed: Sequence[int] = ()
    report: ImportReport | None = None
    """The outcome of the rows of a spreadsheet; None when it could not be read."""
    user_errors: list[UserError] = field(default_factory=list)

    @cached_property
    def basket(self) -> Basket | None:
        """The basket after the change; None when the input was rejected."""
        return baskets_of(self.baskets)[0] if self.baskets else None

    @property
    def displaced_basket(self) -> Basket | None:
        """The basket that another one displaced as the active one; None when there was none."""
        return baskets_of(self.displaced)[0] if self.displaced else None

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
        """The export as it stood when it was asked for; None when the input was rejected."""
        return BasketExport.of(export_of(self.export), None) if self.export else None

    @cached_property
    def _items(self) -> dict[str, BasketItem]:
        # When only totals were read, no item was asked for, here neither.
        is_whole = self.baskets is not None and self.baskets.whole
        return (
            {item.id: item for item in self.basket.items}
            if self.basket and is_whole
            else {}
        )

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
    def removed_item_ids(self) -> list[strawberry.ID]:
        """The ids of the items that the change took out of the basket."""
        return [id_of(IdKind.BASKET_ITEM, number) for number in self.removed]

    def text(self) -> str:
        """Writes the answer as JSON."""
        kept: dict[str, Any] = {
            "rows": _lists(self.baskets),
            "displaced": _lists(self.displaced),
            "quotation": list(self.quotation) if self.quotation else None,
            "export": list(self.export) if self.export else None,
            "deleted_id": self.deleted_id,
            "price_changes": self.price_changes,
            "unavailable": self.unavailable,
            "removed": self.removed,
            "report": asdict(self.report) if self.report else None,
            "user_errors": [
                [error.code, error.message, error.field] for error in self.user_errors
            ],
        }
        return orjson.dumps(kept).decode()


def _lists(read: BasketRows | None) -> list[list[Any]] | None:
    return [list(row) for row in read.rows] if read else None  # type: ignore[call-overload]


def _rows(kept: Any) -> BasketRows | None:
    return BasketRows(kept, whole=True) if kept is not None else None


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


def rejected(rejections: Sequence[Rejection]) -> Answer:
    """Makes the answer to an input that was rejected: the one place where rejections become user errors."""
    for rejection in rejections:
        REJECTIONS.labels(rejection.code.value).inc()
    return Answer(user_errors=[UserError.of(rejection) for rejection in rejections])


def report_of(kept: dict[str, Any]) -> ImportReport:
    """Reads a report that was kept."""
    errors = [
        ImportRowError(**error | {"code": RejectionCode[error["code"]]})
        for error in kept["row_errors"]
    ]
    return ImportReport(**kept | {"row_errors": errors})


def answer_of(text: str) -> Answer:
    """Reads an answer that was kept."""
    kept = orjson.loads(text)
    errors = [
        UserError(code=RejectionCode[code], message=message, field=path)
        for code, message, path in kept["user_errors"]
    ]
    return Answer(
        baskets=_rows(kept["rows"]),
        displaced=_rows(kept.get("displaced")),
        quotation=kept["quotation"],
        export=kept.get("export"),
        deleted_id=kept["deleted_id"],
        price_changes=[Repriced(**each) for each in kept["price_changes"]],
        unavailable=kept["unavailable"],
        removed=kept.get("removed", ()),
        report=report_of(kept["report"]) if kept["report"] else None,
        user_errors=errors,
    )
