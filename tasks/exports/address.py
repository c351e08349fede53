"""The addresses of downloads: signed by us or by the store, so that they work without a token for a limited time."""

import asyncio
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, TimestampSigner

import settings
from models.export.export import ExportFormat, ExportRead
from tasks.exports.store import Download, ExportStore

MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLS: "application/vnd.ms-excel",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PRESIGNED_MAXIMUM_SECONDS = 604_800
"""The longest time that S3 signs an address for."""
_SALT = "basket.export"


class AddressExpired(Exception):
    """Raised when an address was signed by us, too long ago."""


def _signer() -> TimestampSigner:
    # The last key of the list signs; all of them verify.
    return TimestampSigner([str(key) for key in reversed(settings.SECRET_KEY)], salt=_SALT)


def signed_address(file_name: str) -> str:
    """Returns an address of this server for a file, good for EXPORT_LINK_SECONDS from now."""
    signature = _signer().sign(file_name).decode().removeprefix(f"{file_name}.")
    return f"{settings.PUBLIC_URL}/export_file/{file_name}?signature={signature}"


async def presigned_address(export: ExportRead, store: ExportStore) -> str:
    """Returns an address of the store itself for a file; raises OSError when the store cannot sign it."""
    return await asyncio.to_thread(
        store.presigned_url,
        export.stored_name,
        Download(export.file_name, MEDIA_TYPES[export.format]),
        min(settings.EXPORT_LINK_SECONDS, PRESIGNED_MAXIMUM_SECONDS),
    )


def is_signed(file_name: str, signature: str) -> bool:
    """Tells whether we signed this file's address; raises AddressExpired when that was too long ago."""
    try:
        # The age is not left to itsdangerous: to it, what a server signed whose clock is a second ahead has expired.
        _, signed_at = _signer().unsign(f"{file_name}.{signature}", return_timestamp=True)
    except BadSignature:
        return False
    if signed_at + timedelta(seconds=settings.EXPORT_LINK_SECONDS) < datetime.now(UTC):
        raise AddressExpired
    return True
