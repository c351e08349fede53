"""Exports: asking for a basket as a file, and reading how far it has come. The row is the job; see `job`."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tortoise import fields
from tortoise.models import Model

from models.basket.change import no_active_basket
from models.basket.tables import Basket
from models.database.statement import Row, Statement, moment, now
from models.rejections import Rejection, RejectionCode
from models.user import User


class ExportFormat(StrEnum):
    """The formats of files; the value is the ending of the file's name."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"


class ExportField(StrEnum):
    """The columns of a file, in their order when none are asked for; the value is the column's header."""

    PRODUCT_SKU = "product__sku"
    DIVISION = "division"
    DIVISION_ERP_CODE = "division__erp_code"
    DIVISION_NAME = "division__name"
    PRICE = "price"
    QUANTITY = "quantity"
    PRODUCT_REMOTE_ID = "product_remote_id"


class ExportStatus(StrEnum):
    """How far an export has come."""

    WAITING = "WAITING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


MAXIMUM_ROWS = {ExportFormat.XLS: 65_535, ExportFormat.XLSX: 1_048_575}
"""The highest number of rows below the header; a csv has no limit."""
RESEND_AFTER = timedelta(seconds=10)
"""How long a sent message may go unheard before it counts as lost."""


class BasketExport(Model):
    """An export's row, which is the job itself: its message only says that there is something to do.

    `lease_owner` is the one attempt that may finish it, until `lease_until`; `resend_at` is when its message counts as
    lost. `columns` are headers, with commas between. `begun` counts the attempts, each of which writes a file of its
    own name; `files_until` is when these are deleted, null before the end of the job and after the deletion. The row
    outlives its user, so that no file is left without a row.
    """

    id = fields.BigIntField(primary_key=True)
    cache_key = fields.CharField(max_length=32, unique=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="exports", null=True, on_delete=fields.SET_NULL
    )
    basket: fields.ForeignKeyNullableRelation[Basket] = fields.ForeignKeyField(
        "models.Basket", related_name="exports", null=True, on_delete=fields.SET_NULL
    )
    format = fields.CharEnumField(ExportFormat, max_length=4)
    columns = fields.CharField(max_length=255)
    status = fields.CharEnumField(ExportStatus, max_length=10, default=ExportStatus.WAITING)
    rows_written = fields.IntField(default=0)
    rows_total = fields.IntField()
    failure = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    begun = fields.IntField(default=0)
    lease_owner = fields.CharField(max_length=32, null=True)
    lease_until = fields.DatetimeField(null=True)
    resend_at = fields.DatetimeField()
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    files_until = fields.DatetimeField(null=True)

    class Meta:
        table = "basket_export"
        indexes = (
            ("status", "resend_at"),
            ("status", "finished_at"),
            ("files_until",),
            ("basket_id",),
            ("user_id", "status"),
        )


EXPORT_COLUMNS = (
    "id, cache_key, status, format, columns, rows_written, rows_total, failure, "
    "created_at, expires_at, user_id, begun"
)


class ExportRead(NamedTuple):
    """An export as it is read."""

    id: int
    cache_key: str
    status: ExportStatus
    format: ExportFormat
    fields: Sequence[ExportField]
    rows_written: int
    rows_total: int
    failure: str | None
    created_at: datetime
    expires_at: datetime | None
    user_id: int | None
    begun: int

    @property
    def file_name(self) -> str:
        """The name under which its file is downloaded."""
        return f"{self.cache_key}.{self.format}"

    @property
    def stored_name(self) -> str:
        """The name of its file in the store; the last attempt that began is the one that completed it."""
        return stored_name(self.cache_key, self.begun, self.format)

    def is_ready(self) -> bool:
        """Tells whether there is a file to download now."""
        is_kept = self.expires_at is not None and now() < self.expires_at
        return self.status is ExportStatus.COMPLETED and is_kept


def stored_name(cache_key: str, begun: int, export_format: str) -> str:
    """Returns the name of the file that one attempt writes, made of nothing that a client chooses."""
    return f"{cache_key}-{begun}.{export_format}"


def fields_of(columns: str) -> Sequence[ExportField]:
    """Reads the column `columns`."""
    return [ExportField(header) for header in columns.split(",")]


def export_of(row: Row) -> ExportRead:
    """Reads EXPORT_COLUMNS, from the database or from a kept answer."""
    status = ExportStatus(row[2])
    return ExportRead(
        id=row[0],
        cache_key=row[1],
        status=status,
        format=ExportFormat(row[3]),
        fields=fields_of(row[4]),
        rows_written=row[5],
        rows_total=row[6],
        failure=row[7] if status is ExportStatus.FAILED else None,
        created_at=moment(row[8]),
        expires_at=moment(row[9]) if row[9] else None,
        user_id=row[10],
        begun=row[11],
    )


_LOCK_ACTIVE = Statement(
    "SELECT id FROM basket WHERE user_id = $1 AND segment = $2 AND status = 'ACTIVE' FOR UPDATE"
)
_LOCK_OWN = Statement("SELECT id FROM basket WHERE user_id = $1 AND id = $2 FOR UPDATE")
_COUNT = Statement(
    "SELECT COUNT(*) FROM basket_item i JOIN basket_item_division q ON q.item_id = i.id WHERE i.basket_id = $1"
)
_ASK = Statement(
    "INSERT INTO basket_export (cache_key, user_id, basket_id, format, columns, status, rows_written, rows_total, "
    "attempts, begun, resend_at, created_at) VALUES ($1, $2, $3, $4, $5, 'WAITING', 0, $6, 0, 0, $7, $8) "
    f"RETURNING {EXPORT_COLUMNS}"
)
_LOCK_USER = Statement("SELECT id FROM user_account WHERE id = $1 FOR NO KEY UPDATE")
_COUNT_UNFINISHED = Statement(
    "SELECT count(*) FROM basket_export WHERE user_id = $1 AND status IN ('WAITING', 'PROCESSING')"
)
_FIND = Statement(f"SELECT {EXPORT_COLUMNS} FROM basket_export WHERE cache_key = $1")
_FIND_OWN = Statement(
    f"SELECT {EXPORT_COLUMNS} FROM basket_export WHERE user_id = $1 AND id = $2"
)
_IS_KEY = re.compile("[0-9a-f]{32}")


async def lock_active_to_export(user_id: int, segment: int) -> int:
    """Locks the active basket of a segment and returns its id; raises BASKET_NOT_FOUND when there is none."""
    row = await _LOCK_ACTIVE.row(user_id, segment)
    if row is None:
        raise no_active_basket(segment)
    return int(row[0])


async def lock_own_to_export(user_id: int, basket_id: int | None) -> int:
    """Locks one of the user's baskets, in any status, and returns its id; raises BASKET_NOT_FOUND."""
    row = await _LOCK_OWN.row(user_id, basket_id) if basket_id is not None else None
    if row is None:
        raise Rejection(
            RejectionCode.BASKET_NOT_FOUND, "You have no basket with this id.", "basketId"
        )
    return int(row[0])


async def ask_export(
    user_id: int,
    basket_id: int,
    export_format: ExportFormat,
    columns: Sequence[ExportField],
    field: str,
    maximum: int,
) -> Row:
    """Writes the job for a basket that is locked and returns EXPORT_COLUMNS.

    Raises BASKET_EMPTY, at the input's `field`, and BASKET_LIMIT_EXCEEDED when the format cannot hold as many rows, or
    when the user has `maximum` exports that have not ended.
    """
    counted = await _COUNT.row(basket_id)
    count = int(counted[0]) if counted else 0
    if count == 0:
        raise Rejection(
            RejectionCode.BASKET_EMPTY,
            "The basket is empty; there is nothing to export.",
            field,
        )
    if reason := excess_of(count, export_format):
        raise Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, reason, "format")
    await _check_unfinished(user_id, maximum, field)
    moment_asked, key, headers = now(), secrets.token_hex(16), ",".join(columns)
    resend_at = moment_asked + RESEND_AFTER
    row = await _ASK.row(
        key,
        user_id,
        basket_id,
        export_format.value,
        headers,
        count,
        resend_at,
        moment_asked,
    )
    if row is None:
        raise RuntimeError("The insert of an export returned no row.")
    return row


async def _check_unfinished(user_id: int, maximum: int, field: str) -> None:
    """Raises BASKET_LIMIT_EXCEEDED at the limit, which requests of the same user reach one after the other."""
    await _LOCK_USER.row(user_id)
    counted = await _COUNT_UNFINISHED.row(user_id)
    if counted and int(counted[0]) >= maximum:
        raise Rejection(
            RejectionCode.BASKET_LIMIT_EXCEEDED,
            f"At most {maximum} of your exports may be unfinished at a time; wait for one of them.",
            field,
        )


def excess_of(count: int, export_format: ExportFormat) -> str | None:
    """Says that a format cannot hold so many rows; None when it can."""
    limit = MAXIMUM_ROWS.get(export_format, count)
    if count <= limit:
        return None
    return f"The basket makes {count} rows; a file of the format {export_format} holds at most {limit}."


async def own_export(user_id: int, export_id: int) -> ExportRead | None:
    """Reads one of the user's exports; None when it is not theirs."""
    row = await _FIND_OWN.row(user_id, export_id)
    return export_of(row) if row else None


async def find_export(cache_key: str) -> ExportRead | None:
    """Reads an export by its cache key, whoever's it is; None when there is none."""
    row = await _FIND.row(cache_key) if _IS_KEY.fullmatch(cache_key) else None
    return export_of(row) if row else None
