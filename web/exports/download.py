"""Downloads of exported files, by a signed address or with the owner's token."""

import asyncio
import logging
import re

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from models.export.export import ExportRead, ExportStatus, find_export
from models.rejections import Rejection
from models.user import Buyer
from tasks.exports.address import MEDIA_TYPES, AddressExpired, ExportAddresses
from tasks.exports.store import ExportStore
from tasks.exports.sweeper import report_missing
from web.exports.byte_range import requested_range
from web.http.authentication import authenticate, unauthenticated
from web.http.entity_tag import is_match
from web.http.json_response import error_response

logger = logging.getLogger("basket")

RETRY_AFTER_SECONDS = 5
"""Seconds after which a client may ask again for a file of a store that does not answer."""
_NAME = re.compile(r"([0-9a-f]{32})\.(csv|xls|xlsx)")
_CACHE_CONTROL = "private, no-store"
_STORE_IS_SILENT = "The export store does not answer; try again."


class ExportDownload:
    """The endpoint of exported files; it redirects where the store signs addresses."""

    def __init__(self, addresses: ExportAddresses) -> None:
        self._addresses = addresses

    async def respond(self, request: Request) -> Response:
        """Returns the file, or a range of it; 401, 403, 404, 410 or 503 without it."""
        name = str(request.path_params["name"])
        try:
            signature = request.query_params.get("signature", "")
            is_bearer = self._addresses.is_signed(name, signature)
        except AddressExpired:
            message = "The address is no longer valid; ask for a new one."
            return error_response(410, "ADDRESS_EXPIRED", message)
        buyer = None
        if not is_bearer:
            buyer = await authenticate(request)
            if buyer is None:
                return unauthenticated()
        try:
            export = await _find_export(name)
        except Rejection as unreadable:
            # A server of the release that has stored the export may answer the next request.
            return _unavailable(unreadable.message)
        if export is None:
            return _not_found()
        if buyer is not None and (rejection := _check_owner(buyer, export)):
            return rejection
        return await self._respond_with(request, export)

    async def _respond_with(self, request: Request, export: ExportRead) -> Response:
        if not export.is_ready():
            # A completed export that is not ready has expired; the sweeper has yet to note it.
            is_gone = export.status in (ExportStatus.COMPLETED, ExportStatus.EXPIRED)
            return _expired() if is_gone else _not_found()
        store: ExportStore = request.state.export_store
        try:
            size = await asyncio.to_thread(store.size, export.stored_name)
        except OSError as error:
            logger.warning("The export store %s does not answer: %s", store.url, error)
            return _unavailable()
        # Someone else has deleted the file: the row is put right, and counted.
        if size is None:
            is_lost = await report_missing(export.id, export.stored_name, store)
            return _expired() if is_lost else _unavailable()
        if self._addresses.is_presigned:
            address = await self._addresses.presign(export, store)
            return RedirectResponse(address, 307, headers={"Cache-Control": _CACHE_CONTROL})
        response = _file_response(request, store, export, size)
        response.headers["Cache-Control"] = _CACHE_CONTROL
        # The file holds texts of others: a browser must not take a csv for a page and run it.
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


async def _find_export(name: str) -> ExportRead | None:
    match = _NAME.fullmatch(name)
    export = await find_export(match[1]) if match else None
    # The key alone would also open the export under another format's extension.
    return export if export is not None and export.file_name == name else None


def _check_owner(buyer: Buyer, export: ExportRead) -> Response | None:
    """Returns the response to a buyer who may not have an export; None for its owner."""
    # Another user's export answers like one that does not exist.
    if buyer.id != export.user_id:
        return _not_found()
    if not buyer.division.is_active:
        message = f"Your division {buyer.division.erp_code} is inactive."
        return error_response(403, "DIVISION_INACTIVE", message)
    return None


def _not_found() -> Response:
    return error_response(404, "NOT_FOUND", "There is no such file.")


def _expired() -> Response:
    message = "The file was kept for its time and is gone; export it again."
    return error_response(410, "FILE_EXPIRED", message)


def _unavailable(message: str = _STORE_IS_SILENT) -> Response:
    response = error_response(503, "SERVICE_UNAVAILABLE", message)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _file_response(
    request: Request, store: ExportStore, export: ExportRead, size: int
) -> Response:
    media_type, etag = MEDIA_TYPES[export.format], _etag(export, size)
    known = ", ".join(request.headers.getlist("if-none-match"))
    if is_match(etag.encode(), known.encode("latin-1")):
        return Response(status_code=304, headers={"ETag": etag})
    try:
        requested = requested_range(request, etag, size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = requested or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{export.file_name}"',
        "Content-Length": str(end - start),
        "ETag": etag,
    }
    if requested:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if requested else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    # Stores are synchronous; a slow one must not stop the event loop.
    pieces = iterate_in_threadpool(store.read(export.stored_name, start, end))
    return StreamingResponse(pieces, status, headers=headers, media_type=media_type)


def _etag(export: ExportRead, size: int) -> str:
    """Returns a name of the file's bytes; a later attempt writes others, which expire later."""
    expires = export.expires_at.timestamp() if export.expires_at else 0
    return f'"{export.cache_key}-{size:x}-{int(expires):x}"'
