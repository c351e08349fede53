"""The exports of one server process, for resolvers."""

from collections.abc import Iterable

from models.export.export import ExportRead
from tasks.exports.address import ExportAddresses
from tasks.exports.sending import ExportSender
from tasks.exports.store import ExportStore


class Exports:
    """Sends the jobs of exports and makes the addresses of their files."""

    def __init__(
        self, sender: ExportSender, store: ExportStore, addresses: ExportAddresses
    ) -> None:
        self._sender = sender
        self._store = store
        self._addresses = addresses

    def send(self, export_ids: Iterable[int]) -> None:
        """Queues the messages of jobs for the sending thread."""
        self._sender.send(export_ids)

    async def address(self, export: ExportRead) -> str | None:
        """Returns a new address of an export's file; None when there is no file now."""
        return (
            await self._addresses.address(export, self._store)
            if export.is_ready()
            else None
        )
