"""Quotations: what a submitted basket became."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.basket.availability import check_all_sold
from models.basket.read import OWN, totals_of
from models.basket.tables import Basket
from models.database.statement import Row, Statement, now
from models.product.snapshot import take_snapshots
from models.rejections import Rejection, RejectionCode
from models.user import User


class QuotationStatus(StrEnum):
    """Whose turn it is."""

    PENDING = "PENDING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"


class Quotation(Model):
    """A quotation's row: the basket and, as it was when submitted, its total in hundredths and its currency."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="quotations"
    )
    basket: fields.OneToOneRelation[Basket] = fields.OneToOneField(
        "models.Basket", related_name="quotation", on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=255)
    status = fields.CharEnumField(QuotationStatus, max_length=17)
    total_amount = fields.BigIntField()
    currency = fields.CharField(max_length=16)
    created_at = fields.DatetimeField()

    class Meta:
        table = "quotation"
        indexes = (("user_id", "created_at"),)


QUOTATION_COLUMNS = "id, name, status, total_amount, currency, basket_id, created_at"
QUOTATION_BASKET = 5
"""Where among them the basket's id stands."""

_ISSUE = Statement(
    "INSERT INTO quotation (user_id, basket_id, name, status, total_amount, currency, created_at) "
    f"VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {QUOTATION_COLUMNS}"
)
_PAGE = Statement(
    f"SELECT {QUOTATION_COLUMNS} FROM quotation WHERE user_id = $1 AND (created_at, id) < ($2, CAST($3 AS BIGINT)) "
    "ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5"
)
_PAGE_BACKWARD = Statement(
    f"SELECT {QUOTATION_COLUMNS} FROM (SELECT * FROM quotation WHERE user_id = $1 "
    "AND (created_at, id) > ($2, CAST($3 AS BIGINT)) ORDER BY created_at, id LIMIT $4) AS page "
    "ORDER BY created_at DESC, id DESC"
)
_FROM = "SELECT 1 FROM quotation WHERE user_id = $1 AND (created_at, id) {} ($2, CAST($3 AS BIGINT)) LIMIT 1"
_SINCE = Statement(_FROM.format(">="))
_UNTIL = Statement(_FROM.format("<="))
_OWN = Statement(
    f"SELECT {QUOTATION_COLUMNS} FROM quotation WHERE user_id = $1 AND id = CAST($2 AS BIGINT)"
)
_COUNT = Statement("SELECT COUNT(*) FROM quotation WHERE user_id = $1")
_INACTIVE = Statement(
    "SELECT DISTINCT d.erp_code FROM basket_item i JOIN basket_item_division q ON q.item_id = i.id "
    "JOIN division d ON d.id = q.division_id WHERE i.basket_id = $1 AND NOT d.is_active ORDER BY d.erp_code"
)


async def issue_quotation(
    user_id: int, basket_id: int, name: str, status: QuotationStatus
) -> Row:
    """Writes the quotation of a basket that was just submitted and returns QUOTATION_COLUMNS.

    From then on the basket shows its products as they are now.

    Raises BASKET_EMPTY when there is nothing to quote, DIVISION_INACTIVE when it is for a division
    closed meanwhile, and PRODUCT_UNAVAILABLE when Commerce no longer sells a product of it.
    """
    read = await OWN.rows(user_id, [basket_id], whole=False)
    totals = totals_of(read.rows[0])
    if totals.currency is None:
        raise Rejection(
            RejectionCode.BASKET_EMPTY,
            "The basket is empty; there is nothing to quote.",
            "segmentRemoteId",
        )
    if inactive := await _INACTIVE.row(basket_id):
        raise Rejection(
            RejectionCode.DIVISION_INACTIVE,
            f"Division {inactive[0]}, for which the basket has items, is inactive.",
        )
    await check_all_sold(basket_id)
    row = await _ISSUE.row(
        user_id, basket_id, name, status, totals.total_amount, totals.currency, now()
    )
    if row is None:
        raise RuntimeError("The insert of a quotation returned no row.")
    await take_snapshots(basket_id, row[0])
    return row


async def quotation_page(
    user_id: int, before: datetime, before_id: int, count: int, skipped: int = 0
) -> Sequence[Row]:
    """Reads QUOTATION_COLUMNS of the user's quotations, newest first, after so many that are skipped."""
    return await _PAGE.rows(user_id, before, before_id, count, skipped)


async def quotation_page_before(
    user_id: int, moment: datetime, quotation_id: int, count: int
) -> Sequence[Row]:
    """Reads QUOTATION_COLUMNS of the quotations just before a position of the list, newest first."""
    return await _PAGE_BACKWARD.rows(user_id, moment, quotation_id, count)


async def has_quotations_beyond(
    user_id: int, moment: datetime, quotation_id: int, *, is_backward: bool
) -> bool:
    """Tells whether the user has quotations at this position or beyond it, seen from the page that it bounds."""
    statement = _UNTIL if is_backward else _SINCE
    return await statement.row(user_id, moment, quotation_id) is not None


async def own_quotation(user_id: int, quotation_id: int) -> Row | None:
    """Reads QUOTATION_COLUMNS of one of the user's quotations; None when it is not theirs."""
    return await _OWN.row(user_id, quotation_id)


async def quotation_count(user_id: int) -> int:
    """Counts the user's quotations."""
    row = await _COUNT.row(user_id)
    return int(row[0]) if row else 0
