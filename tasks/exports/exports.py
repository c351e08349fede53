"""The exports of one server process, for resolvers."""

from collections.abc import Iterable

import settings
from models.export.export import ExportRead
from tasks.exports.address import presigned_address, signed_address
from tasks.exports.sending import ExportSender
from tasks.exports.store import ExportStore


class Exports:
    """Sends the jobs of exports and makes the addresses of their files."""

    def __init__(self, sender: ExportSender, store: ExportStore) -> None:
        self._sender = sender
        self._store = store

    def send(self, export_ids: Iterable[int]) -> None:
        """Queues the messages of jobs for the sending thread."""
        self._sender.send(export_ids)

    async def address(self, export: ExportRead) -> str | None:
        """Returns a new address of an export's file; None when there is no file now."""
        if not export.is_ready():
            return None
        if settings.EXPORT_PRESIGNED:
            return await presigned_address(export, self._store)
        return signed_address(export.file_name)
