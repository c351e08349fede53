"""Quotations, one per submitted basket."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tortoise import fields

from models.basket.availability import check_all_sold
from models.basket.tables import Basket, BasketItemDivision
from models.database.integers import LARGEST_INT
from models.database.position import ListPosition, is_after, is_before
from models.database.table import Table
from models.product.snapshot import take_snapshots
from models.rejections import Rejection, RejectionCode
from models.timestamps import now
from models.user import User
from text import MAXIMUM_LENGTH


class QuotationStatus(StrEnum):
    """Whose turn it is."""

    PENDING = "PENDING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"


class Quotation(Table):
    """A quotation's row: the basket, and its total in hundredths and currency when submitted."""

    id = fields.IntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="quotations"
    )
    basket: fields.OneToOneRelation[Basket] = fields.OneToOneField(
        "models.Basket", related_name="quotation", on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=MAXIMUM_LENGTH)
    status = fields.CharEnumField(QuotationStatus, max_length=17)
    total_amount = fields.BigIntField()
    currency = fields.CharField(max_length=16)
    created_at = fields.DatetimeField()

    class Meta:
        table = "quotation"
        indexes = (("user_id", "created_at"),)


class QuotationRead(NamedTuple):
    """A quotation as it is read."""

    id: int
    name: str
    status: QuotationStatus
    total_amount: int
    currency: str
    basket_id: int
    created_at: datetime


_COLUMNS = QuotationRead._fields


async def issue_quotation(
    user_id: int, basket_id: int, name: str, status: QuotationStatus
) -> QuotationRead:
    """Writes the quotation of a basket that was just submitted and returns it.

    From then on the basket shows its products as they are now.

    Raises BASKET_EMPTY when there is nothing to quote, DIVISION_INACTIVE when it is for a division
    closed meanwhile, and PRODUCT_UNAVAILABLE when Commerce no longer sells a product of it.
    """
    basket = await Basket.get(id=basket_id)
    # Its currency is that of its items, so only an empty basket has none.
    if basket.currency is None:
        raise Rejection(
            RejectionCode.BASKET_EMPTY,
            "The basket is empty; there is nothing to quote.",
            "segmentRemoteId",
        )
    await _check_divisions(basket_id)
    await check_all_sold(basket_id)
    quotation = await Quotation.create(
        user_id=user_id,
        basket_id=basket_id,
        name=name,
        status=status,
        total_amount=basket.total_amount,
        currency=basket.currency,
        created_at=now(),
    )
    await take_snapshots(basket_id, quotation.id)
    return QuotationRead(*(getattr(quotation, column) for column in _COLUMNS))


async def _check_divisions(basket_id: int) -> None:
    """Raises DIVISION_INACTIVE when a basket has items for a closed division."""
    parts = BasketItemDivision.filter(item__basket_id=basket_id, division__is_active=False)
    first = parts.order_by("division__erp_code").first()
    erp_code = await first.values_list("division__erp_code", flat=True)
    if erp_code is not None:
        raise Rejection(
            RejectionCode.DIVISION_INACTIVE,
            f"Division {erp_code}, for which the basket has items, is inactive.",
        )


async def read_quotation_page(
    user_id: int,
    position: ListPosition,
    size: int,
    *,
    is_backward: bool = False,
    skipped: int = 0,
) -> Sequence[QuotationRead]:
    """Reads the user's quotations that follow a position of the list, newest first.

    Backward it reads those just before the position, newest first too.
    """
    # The first page begins at the largest bigint, and the column is an int.
    place = position._replace(id=min(position.id, LARGEST_INT))
    is_beyond = is_after if is_backward else is_before
    page = Quotation.filter(is_beyond("created_at", place), user_id=user_id)
    order = ("created_at", "id") if is_backward else ("-created_at", "-id")
    rows = await page.order_by(*order).offset(skipped).limit(size).values_list(*_COLUMNS)
    return [QuotationRead(*row) for row in (reversed(rows) if is_backward else rows)]


async def has_quotations_beyond(
    user_id: int, position: ListPosition, *, is_backward: bool
) -> bool:
    """Whether the user has quotations at this position or beyond, seen from the page it bounds."""
    place = position._replace(id=min(position.id, LARGEST_INT))
    is_beyond = is_before if is_backward else is_after
    condition = is_beyond("created_at", place, or_there=True)
    return await Quotation.filter(condition, user_id=user_id).exists()


async def find_own_quotation(user_id: int, quotation_id: int) -> QuotationRead | None:
    """Reads one of the user's quotations; None when it is not theirs."""
    if quotation_id > LARGEST_INT:
        return None
    own = Quotation.filter(user_id=user_id, id=quotation_id).first()
    row = await own.values_list(*_COLUMNS)
    return QuotationRead(*row) if row else None


async def count_quotations(user_id: int) -> int:
    """Counts the user's quotations."""
    return await Quotation.filter(user_id=user_id).count()
