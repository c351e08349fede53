"""Addresses of downloads, signed by us or by the store: they need no token for a limited time."""

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
"""The longest time, in seconds, that S3 signs an address for."""
_SALT = "basket.export"


class AddressExpired(Exception):
    """Raised when we signed an address too long ago."""


def _signer() -> TimestampSigner:
    # itsdangerous signs with the last key of its list; all of them verify.
    return TimestampSigner([str(key) for key in reversed(settings.SECRET_KEY)], salt=_SALT)


def signed_address(file_name: str) -> str:
    """Returns an address of this server for a file, valid for EXPORT_LINK_SECONDS."""
    signature = _signer().sign(file_name).decode().removeprefix(f"{file_name}.")
    return f"{settings.PUBLIC_URL}/export_file/{file_name}?signature={signature}"


async def presigned_address(export: ExportRead, store: ExportStore) -> str:
    """Returns an address of the store for a file; raises OSError when it cannot be signed."""
    return await asyncio.to_thread(
        store.presigned_url,
        export.stored_name,
        Download(export.file_name, MEDIA_TYPES[export.format]),
        min(settings.EXPORT_LINK_SECONDS, PRESIGNED_MAXIMUM_SECONDS),
    )


def is_signed(file_name: str, signature: str) -> bool:
    """Tells whether we signed a file's address; raises AddressExpired for an old signature."""
    try:
        # itsdangerous would reject a signature by a server whose clock is a second ahead.
        _, signed_at = _signer().unsign(f"{file_name}.{signature}", return_timestamp=True)
    except BadSignature:
        return False
    if signed_at + timedelta(seconds=settings.EXPORT_LINK_SECONDS) < datetime.now(UTC):
        raise AddressExpired
    return True
