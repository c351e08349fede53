"""Addresses of downloads, signed by us or by the store: they need no token for a limited time."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Self

from itsdangerous import BadSignature, TimestampSigner

from models.export.export import ExportFormat, ExportRead
from settings.options import Options
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


class ExportAddresses:
    """Makes and verifies addresses that are valid for some seconds.

    The first key signs; all of them verify. With `is_presigned` the store itself signs.
    """

    def __init__(
        self, keys: Iterable[str], public_url: str, seconds: int, *, is_presigned: bool
    ) -> None:
        # itsdangerous signs with the last key of its list.
        self._signer = TimestampSigner([*keys][::-1], salt=_SALT)
        self._public_url = public_url
        self._seconds = seconds
        self.is_presigned = is_presigned

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the addresses that the settings describe."""
        return cls(
            map(str, options.secret_keys),
            options.public_url,
            options.export_link_seconds,
            is_presigned=options.export_presigned,
        )

    async def address(self, export: ExportRead, store: ExportStore) -> str:
        """Returns a new address; raises OSError when the store cannot sign one."""
        if self.is_presigned:
            return await self.presign(export, store)
        return self._sign(export.file_name)

    async def presign(self, export: ExportRead, store: ExportStore) -> str:
        """Returns an address of the store; raises OSError when it cannot sign one."""
        return await asyncio.to_thread(
            store.sign_url,
            export.stored_name,
            Download(export.file_name, MEDIA_TYPES[export.format]),
            min(self._seconds, PRESIGNED_MAXIMUM_SECONDS),
        )

    def _sign(self, file_name: str) -> str:
        signature = self._signer.sign(file_name).decode().removeprefix(f"{file_name}.")
        return f"{self._public_url}/export_file/{file_name}?signature={signature}"

    def is_signed(self, file_name: str, signature: str) -> bool:
        """Tells whether we signed a file's address; raises AddressExpired for an old signature."""
        try:
            # itsdangerous would reject a signature by a server whose clock is a second ahead.
            _, signed_at = self._signer.unsign(
                f"{file_name}.{signature}", return_timestamp=True
            )
        except BadSignature:
            return False
        if signed_at + timedelta(seconds=self._seconds) < datetime.now(UTC):
            raise AddressExpired
        return True
