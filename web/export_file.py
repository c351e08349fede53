"""Downloading exported files, by a signed address or with the owner's token."""

import asyncio
import logging
import re

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

import settings
from models.export.export import ExportRead, ExportStatus, find_export
from tasks.exports.address import MEDIA_TYPES, AddressExpired, is_signed, presigned_address
from tasks.exports.store import ExportStore
from tasks.exports.sweeper import report_missing
from web.http.authentication import buyer_of, unauthenticated
from web.http.byte_range import requested_range
from web.http.json_response import error_response

logger = logging.getLogger("basket")

RETRY_AFTER_SECONDS = 5
"""When a client may ask again for a file while the store does not answer."""
_NAME = re.compile(r"([0-9a-f]{32})\.(csv|xls|xlsx)")


async def export_file(request: Request) -> Response:
    """Answers with the file, whole or a range of it; 401, 404 or 410 when there is none for whoever asks."""
    name = str(request.path_params["name"])
    try:
        is_bearer = is_signed(name, request.query_params.get("signature", ""))
    except AddressExpired:
        return error_response(
            410, "ADDRESS_EXPIRED", "The address is no longer valid; ask for a new one."
        )
    buyer = None if is_bearer else await buyer_of(request)
    if not is_bearer and buyer is None:
        return unauthenticated()
    found = await _export_called(name)
    if found is None or (buyer is not None and buyer.id != found.user_id):
        return _not_found()
    if buyer is not None and not buyer.division.is_active:
        return error_response(
            403,
            "DIVISION_INACTIVE",
            f"Your division {buyer.division.erp_code} is inactive.",
        )
    return await _file_of(request, found)


async def _export_called(name: str) -> ExportRead | None:
    match = _NAME.fullmatch(name)
    found = await find_export(match[1]) if match else None
    return found if found is not None and found.file_name == name else None


def _not_found() -> Response:
    return error_response(404, "NOT_FOUND", "There is no such file.")


async def _file_of(request: Request, found: ExportRead) -> Response:
    if not found.is_ready():
        if found.status in (ExportStatus.COMPLETED, ExportStatus.EXPIRED):
            return _expired()
        return _not_found()
    store: ExportStore = request.state.export_store
    try:
        size = await asyncio.to_thread(store.size, found.stored_name)
    except OSError as error:
        logger.warning("The export store %s does not answer: %s", store.url, error)
        return _unavailable()
    if size is None:
        await report_missing(found.id, found.stored_name, store)
        return _expired()
    if settings.EXPORT_PRESIGNED:
        return _elsewhere(await presigned_address(found, store))
    response = _response(request, store, found, size)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _elsewhere(address: str) -> Response:
    return RedirectResponse(address, 307, headers={"Cache-Control": "private, no-store"})


def _expired() -> Response:
    return error_response(
        410, "FILE_EXPIRED", "The file was kept for its time and is gone; export it again."
    )


def _unavailable() -> Response:
    response = error_response(
        503, "SERVICE_UNAVAILABLE", "The export store does not answer; try again."
    )
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _response(
    request: Request, store: ExportStore, found: ExportRead, size: int
) -> Response:
    media_type, etag = MEDIA_TYPES[found.format], _etag(found, size)
    try:
        asked = requested_range(request, etag, size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = asked or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{found.file_name}"',
        "Content-Length": str(end - start),
        "ETag": etag,
    }
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if asked else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    pieces = iterate_in_threadpool(store.read(found.stored_name, start, end))
    return StreamingResponse(pieces, status, headers=headers, media_type=media_type)


def _etag(found: ExportRead, size: int) -> str:
    """Names the very bytes of a file: a later attempt would write another one, for longer."""
    expires = found.expires_at.timestamp() if found.expires_at else 0
    return f'"{found.cache_key}-{size:x}-{int(expires):x}"'
