"""Exports, as answered."""

import strawberry

from models.export.export import ExportField, ExportFormat, ExportRead, ExportStatus
from models.timestamps import Timestamp, format_timestamp
from schema.node import IdKind, Node, id_of
from schema.scalars import describe_enum, described

__all__ = ["BasketExport", "ExportField", "ExportFormat"]

describe_enum(
    ExportFormat,
    "The format of a file.",
    CSV="Comma-separated text in UTF-8.",
    XLS="The workbook of Excel 97 to 2003, which holds at most 65,535 rows below the header.",
    XLSX="The workbook of Excel since 2007, which holds at most 1,048,575 rows below the header.",
)
describe_enum(
    ExportField,
    "A column of a file, which has one row an item and division.",
    PRODUCT_SKU="The product's stock keeping unit, headed `product__sku`.",
    DIVISION="The division's number in the REST interface, headed `division`.",
    DIVISION_ERP_CODE="The division's ERP code, headed `division__erp_code`.",
    DIVISION_NAME="The division's name, headed `division__name`.",
    PRICE="The unit price of the item, headed `price`.",
    QUANTITY="The quantity of the item for the division, headed `quantity`.",
    PRODUCT_REMOTE_ID="The product's identifier in Commerce, headed `product_remote_id`.",
)
describe_enum(
    ExportStatus,
    "How far an export has come.",
    WAITING="It waits for a worker.",
    PROCESSING="A worker is writing the file.",
    COMPLETED="The file can be downloaded.",
    FAILED="The file could not be written, and no further attempt is made; `failure` says why.",
    EXPIRED="The file was kept for its time and is gone.",
)


@strawberry.type(
    description="A basket being written to a file. It is written as it stands at one moment "
    "after the export was asked for, when the worker begins, and read at once: "
    "changes made before that moment are all in the file, "
    "changes made after it are not, and the file is never a mixture."
)
class BasketExport(Node):
    id: strawberry.ID = described("The export's id.")
    cache_key: str = described(
        "The key by which the state is asked for: 32 hexadecimal digits that cannot be guessed."
    )
    status: ExportStatus = described("How far the export has come.")
    is_ready: bool = described("Whether the file can be downloaded.")
    url: str | None = described(
        "Signed, expiring download address once ready; each query makes a new one."
    )
    format: ExportFormat = described("The format of the file.")
    fields: list[ExportField] = described("The columns of the file, in their order.")
    rows_written: int = described("How many rows are written so far, without the header.")
    rows_total: int = described("How many rows there are in all, without the header.")
    failure: str | None = described("Why it failed, for a person; null unless it failed.")
    created_at: Timestamp = described("When the export was asked for.")
    expires_at: Timestamp | None = described(
        "Until when the file is kept; null until it is written."
    )

    @classmethod
    def of(cls, read: ExportRead, url: str | None) -> "BasketExport":
        """Makes the type from its row, and the address of a file that is ready."""
        return cls(
            id=id_of(IdKind.EXPORT, read.id),
            cache_key=read.cache_key,
            status=read.status,
            is_ready=read.is_ready(),
            url=url,
            format=read.format,
            fields=list(read.fields),
            rows_written=read.rows_written,
            rows_total=read.rows_total,
            failure=read.failure,
            created_at=format_timestamp(read.created_at),
            expires_at=format_timestamp(read.expires_at) if read.expires_at else None,
        )
