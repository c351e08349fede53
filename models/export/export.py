"""Exports: requesting a basket as a file, and reading its progress; for the job see `job`."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.queryset import QuerySet

from models.basket.tables import Basket, BasketItemDivision
from models.database.table import Table
from models.rejections import Rejection, RejectionCode, newer_rejection
from models.timestamps import now, parse_timestamp
from models.user import User
from text import MAXIMUM_LENGTH


class ExportFormat(StrEnum):
    """The formats of files; the value is the ending of the file's name."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"


class ExportField(StrEnum):
    """The columns of a file in their default order; the value is the column's header."""

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


class BasketExport(Table):
    """An export's row, which is the job itself: its message only tells of it.

    `lease_owner` is the one attempt that may finish it, until `lease_until`; `resend_at` is when
    its message counts as lost. `columns` are headers, with commas between. `begun` counts the
    attempts, each of which writes a file of its own name; `files_until` is when these are deleted,
    null before the end of the job and after the deletion. The row outlives its user, so that no
    file is left without a row.
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
    columns = fields.CharField(max_length=MAXIMUM_LENGTH)
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
    *("id", "cache_key", "status", "format", "columns", "rows_written", "rows_total"),
    *("failure", "created_at", "expires_at", "user_id", "begun"),
)
UNFINISHED = (ExportStatus.WAITING, ExportStatus.PROCESSING)
"""The states of a job that has not ended."""


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
        """The name of its file in the store: the last attempt that began completed it."""
        return stored_name(self.cache_key, self.begun, self.format)

    def is_ready(self) -> bool:
        """Tells whether there is a file to download now."""
        is_kept = self.expires_at is not None and now() < self.expires_at
        return self.status is ExportStatus.COMPLETED and is_kept


def stored_name(cache_key: str, begun: int, export_format: str) -> str:
    """Returns the name of the file of an attempt, made of nothing that a client chooses."""
    return f"{cache_key}-{begun}.{export_format}"


def parse_columns(columns: str) -> Sequence[ExportField]:
    """Reads the column `columns`."""
    return [ExportField(header) for header in columns.split(",")]


def export_from_row(row: Sequence[Any]) -> ExportRead:
    """Returns the export of EXPORT_COLUMNS."""
    values = dict(zip(EXPORT_COLUMNS, row, strict=True))
    status, expires_at = ExportStatus(values["status"]), values["expires_at"]
    values |= {
        "status": status,
        "format": ExportFormat(values["format"]),
        "failure": values["failure"] if status is ExportStatus.FAILED else None,
        "created_at": parse_timestamp(values["created_at"]),
        "expires_at": parse_timestamp(expires_at) if expires_at else None,
    }
    return ExportRead(fields=parse_columns(values.pop("columns")), **values)


_IS_KEY = re.compile("[0-9a-f]{32}")


async def ask_export(
    user_id: int,
    basket_id: int,
    export_format: ExportFormat,
    columns: Sequence[ExportField],
    field: str,
    maximum: int,
) -> ExportRead:
    """Writes the job for a basket that is locked and returns it.

    Raises BASKET_EMPTY, at the input's `field`, and BASKET_LIMIT_EXCEEDED when the format cannot
    hold as many rows, or when the user has `maximum` exports that have not ended.
    """
    count = await BasketItemDivision.filter(item__basket_id=basket_id).count()
    if count == 0:
        raise Rejection(
            RejectionCode.BASKET_EMPTY,
            "The basket is empty; there is nothing to export.",
            field,
        )
    if reason := describe_excess(count, export_format):
        raise Rejection(RejectionCode.BASKET_LIMIT_EXCEEDED, reason, "format")
    await _check_unfinished(user_id, maximum, field)
    requested_at = now()
    export = await BasketExport.create(
        cache_key=secrets.token_hex(16),
        user_id=user_id,
        basket_id=basket_id,
        format=export_format,
        columns=",".join(columns),
        rows_total=count,
        resend_at=requested_at + RESEND_AFTER,
        created_at=requested_at,
    )
    return export_from_row([getattr(export, column) for column in EXPORT_COLUMNS])


async def _check_unfinished(user_id: int, maximum: int, field: str) -> None:
    """Raises BASKET_LIMIT_EXCEEDED at the limit of exports that have not ended.

    The lock makes requests of the same user come here one after the other.
    """
    # NO KEY, because rows that only refer to the user, such as a new basket, need not wait for it.
    await User.select_for_update(no_key=True).get(id=user_id)
    count = await BasketExport.filter(user_id=user_id, status__in=UNFINISHED).count()
    if count >= maximum:
        raise Rejection(
            RejectionCode.BASKET_LIMIT_EXCEEDED,
            f"At most {maximum} of your exports may be unfinished at a time; "
            "wait for one of them.",
            field,
        )


def describe_excess(count: int, export_format: ExportFormat) -> str | None:
    """Returns the reason why a format cannot hold so many rows; None when it can."""
    limit = MAXIMUM_ROWS.get(export_format, count)
    if count <= limit:
        return None
    return (
        f"The basket makes {count} rows; "
        f"a file of the format {export_format} holds at most {limit}."
    )


async def find_own_export(user_id: int, export_id: int) -> ExportRead | None:
    """Reads one of the user's exports; None when it is not theirs."""
    return await _read(BasketExport.filter(user_id=user_id, id=export_id))


async def find_export(cache_key: str) -> ExportRead | None:
    """Returns the export with a cache key, of any user; None when there is none."""
    if not _IS_KEY.fullmatch(cache_key):
        return None
    return await _read(BasketExport.filter(cache_key=cache_key))


async def is_known_job(export_id: int) -> bool:
    """Tells whether this release can write an export; another one may have new formats."""
    try:
        await _read(BasketExport.filter(id=export_id))
    except Rejection:
        return False
    return True


async def _read(exports: QuerySet[BasketExport]) -> ExportRead | None:
    """Reads an export; raises INVALID_INPUT for a word that only a newer release knows."""
    try:
        row = await exports.first().values_list(*EXPORT_COLUMNS)
        return export_from_row(row) if row else None
    # The members of enums are looked up by their values, here and by Tortoise.
    except ValueError as error:
        raise newer_rejection("export", error) from error
