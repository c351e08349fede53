"""Outcomes as JSON with names and a format number, stored with an idempotency key."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import orjson

from models.basket.prices import Repriced
from models.basket.rows import BasketRows, FullBasket
from models.database.row_cache import CachedRow
from models.export.export import ExportField, ExportFormat, ExportRead, ExportStatus
from models.quotation import QuotationRead, QuotationStatus
from models.rejections import Rejection, RejectionCode
from resolvers.outcome import Outcome
from schema.outcome import ImportReport
from schema.user_error import ImportRowError, UserError

FORMAT = 1
"""The format of outcomes that are written here, and the only one that is read."""

_NAMES = [field.name for field in fields(Outcome)]


def outcome_to_text(outcome: Outcome) -> str:
    """Returns an outcome as JSON. It has the items of baskets, for a retry may select them."""
    values = {name: getattr(outcome, name) for name in _NAMES}
    for name in ("quotation", "export"):
        values[name] = values[name] and values[name]._asdict()
    for name in ("baskets", "displaced"):
        values[name] = values[name] and [
            _basket_to_json(basket) for basket in values[name].full_baskets()
        ]
    values["user_errors"] = [asdict(error) for error in outcome.user_errors]
    values["report"] = outcome.report and asdict(outcome.report)
    # Divisions are mapped by id: JSON makes the keys texts, and reading makes them numbers again.
    return orjson.dumps(
        {"format": FORMAT, **values}, option=orjson.OPT_NON_STR_KEYS
    ).decode()


def outcome_from_text(text: str) -> Outcome:
    """Returns an outcome that was stored.

    Raises INVALID_INPUT for an unknown format, as a newer server may have written it; the outcome
    stays stored.
    """
    values = orjson.loads(text)
    stored_format = values.pop("format", None)
    if stored_format != FORMAT:
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            f"The first answer to this key is stored in format {stored_format}, and this server "
            f"reads format {FORMAT}. The change was made; read the basket, or ask again later.",
            "idempotencyKey",
        )
    return Outcome(**{name: _read(name, value) for name, value in values.items()})


def _basket_to_json(basket: FullBasket) -> dict[str, Any]:
    values = {name: getattr(basket, name) for name in FullBasket.__slots__}
    values["products"] = [product.columns for product in basket.products]
    values["parts"] = [list(part) for part in basket.parts]
    values["divisions"] = {key: row.columns for key, row in basket.divisions.items()}
    return values


def _basket_from_json(values: dict[str, Any]) -> FullBasket:
    values["products"] = [CachedRow(columns) for columns in values["products"]]
    values["parts"] = [tuple(part) for part in values["parts"]]
    values["divisions"] = {
        int(key): CachedRow(columns) for key, columns in values["divisions"].items()
    }
    return FullBasket(**values)


def _baskets(values: list[dict[str, Any]]) -> BasketRows:
    return BasketRows([_basket_from_json(each) for each in values], full=True)


def _quotation(values: dict[str, Any]) -> QuotationRead:
    created_at = datetime.fromisoformat(values["created_at"])
    status = QuotationStatus(values["status"])
    return QuotationRead(**values | {"status": status, "created_at": created_at})


def _export(values: dict[str, Any]) -> ExportRead:
    values |= {
        "status": ExportStatus(values["status"]),
        "format": ExportFormat(values["format"]),
        "fields": [ExportField(field) for field in values["fields"]],
    }
    for name in ("created_at", "expires_at"):
        values[name] = values[name] and datetime.fromisoformat(values[name])
    return ExportRead(**values)


def _report(values: dict[str, Any]) -> ImportReport:
    errors = [ImportRowError(**_with_code(error)) for error in values["row_errors"]]
    return ImportReport(**values | {"row_errors": errors})


def _with_code(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"code": RejectionCode[values["code"]]}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "baskets": _baskets,
    "displaced": _baskets,
    "quotation": _quotation,
    "export": _export,
    "price_changes": lambda values: [Repriced(**change) for change in values],
    "report": _report,
    "user_errors": lambda values: [UserError(**_with_code(error)) for error in values],
}


def _read(name: str, value: Any) -> Any:
    return value if value is None or name not in _READERS else _READERS[name](value)
