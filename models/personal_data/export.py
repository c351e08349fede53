"""All that is stored of a person, as values for one JSON document."""

from typing import Any

from tortoise.queryset import QuerySet

from models.audit.read import AuditFilter, read_entries
from models.basket.tables import Basket, BasketItemDivision
from models.database.integers import LARGEST_INT
from models.export.export import BasketExport
from models.history.lines import UnknownFormat, lines_from_text
from models.history.tables import BasketChange
from models.idempotency import IdempotencyKey
from models.identity import Identity
from models.money import format_amount
from models.quotation import Quotation
from models.user import Token, User

FORMAT = 1
"""The format of the document."""

_BASKET = (
    *("id", "segment", "status", "name", "version", "created_at", "updated_at"),
    *("saved_at", "item_count", "total_quantity", "total_amount", "currency"),
)
_CHANGE = (
    *("version", "kind", "origin", "user_id", "created_at", "currency"),
    *("total_amount", "total_quantity", "line_count", "lines"),
)
_EXPORT = (
    *("id", "basket_id", "format", "columns", "status", "rows_written"),
    *("created_at", "finished_at", "expires_at"),
)
_TOKEN = ("id", "name", "created_at", "expires_at", "last_used_at")


async def read_person(user: User) -> dict[str, Any]:
    """Reads everything that is stored of a user, whose division must have been read."""
    # All of them: a person's own data is not cut off at a page.
    entries = await read_entries(AuditFilter(user_id=user.id), LARGEST_INT)
    quotations = Quotation.filter(user_id=user.id).order_by("id")
    names = ("id", "basket_id", "name", "status", "total_amount", "currency", "created_at")
    keys = IdempotencyKey.filter(user_id=user.id).order_by("id")
    accounts = Identity.filter(user_id=user.id)
    return {
        "format": FORMAT,
        "profile": {
            "id": user.id,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "division": user.division.erp_code,
            "is_active": user.is_active,
        },
        # Of tokens only digests are stored, which are of no use to anyone.
        "tokens": await Token.filter(user_id=user.id).order_by("id").values(*_TOKEN),
        "accounts": await accounts.values("issuer", "subject", "bound_at"),
        "baskets": await _read_baskets(user.id),
        "quotations": _with_amounts(await quotations.values(*names)),
        "exports": await BasketExport.filter(user_id=user.id)
        .order_by("id")
        .values(*_EXPORT),
        "idempotency_keys": await keys.values("key", "outcome", "created_at"),
        "audit": [entry._asdict() for entry in entries],
    }


async def _read_baskets(user_id: int) -> list[dict[str, Any]]:
    baskets = await Basket.filter(user_id=user_id).order_by("id").values(*_BASKET)
    # One by one: a basket may have 10,000 items, and as many lines in each change.
    return [
        {
            **basket,
            "items": await _read_items(basket["id"]),
            "history": await _read_history(BasketChange.filter(basket_id=basket["id"])),
        }
        for basket in _with_amounts(baskets)
    ]


async def _read_items(basket_id: int) -> list[dict[str, Any]]:
    rows: Any = await (
        BasketItemDivision.filter(item__basket_id=basket_id)
        .order_by("item_id", "id")
        .values_list(
            *("item__product__remote_id", "item__product__sku", "item__product__name"),
            *("item__price", "division__erp_code", "quantity"),
        )
    )
    names = ("product_remote_id", "sku", "name", "price", "division", "quantity")
    items = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**item, "price": format_amount(item["price"])} for item in items]


async def _read_history(changes: QuerySet[BasketChange]) -> list[dict[str, Any]]:
    rows = await changes.order_by("version").values(*_CHANGE)
    return [{**row, "lines": _lines(row["lines"])} for row in _with_amounts(rows)]


def _lines(text: str | None) -> list[dict[str, Any]] | None:
    try:
        return [line._asdict() for line in lines_from_text(text).lines]
    except UnknownFormat:
        return None


def _with_amounts(rows: Any) -> list[dict[str, Any]]:
    """Returns rows with their total amounts as texts, as the API has them."""
    return [{**row, "total_amount": format_amount(row["total_amount"])} for row in rows]
