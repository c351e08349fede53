"""Downloading exported files, by a signed address or with the owner's token."""

import asyncio
import logging
import os
import re

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from models.export.export import ExportFormat, ExportRead, ExportStatus, find_export
from tasks.exports.address import AddressExpired, is_signed
from tasks.exports.store import ExportStore
from tasks.exports.sweeper import report_missing
from web.authentication import buyer_of, unauthenticated
from web.json_response import error_response

logger = logging.getLogger("basket")

RETRY_AFTER_SECONDS = 5
"""When a client may ask again for a file while the store does not answer."""
MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLS: "application/vnd.ms-excel",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NAME = re.compile(r"([0-9a-f]{32})\.(csv|xls|xlsx)")
_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


async def export_file(request: Request) -> Response:
    """Answers with the file, whole or a range of it; 401, 404 or 410 when there is none for whoever asks."""
    name = str(request.path_params["name"])
    try:
        is_bearer = is_signed(name, request.query_params.get("signature", ""))
    except AddressExpired:
        return error_response(410, "ADDRESS_EXPIRED", "The address is no longer valid; ask for a new one.")
    buyer = None if is_bearer else await buyer_of(request)
    if not is_bearer and buyer is None:
        return unauthenticated()
    found = await _export_called(name)
    if found is None or (buyer is not None and buyer.id != found.user_id):
        return _not_found()
    if buyer is not None and not buyer.division.is_active:
        return error_response(403, "DIVISION_INACTIVE", f"Your division {buyer.division.erp_code} is inactive.")
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
    response = await _response(request, store, found, size)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _expired() -> Response:
    return error_response(410, "FILE_EXPIRED", "The file was kept for its time and is gone; export it again.")


def _unavailable() -> Response:
    response = error_response(503, "SERVICE_UNAVAILABLE", "The export store does not answer; try again.")
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


async def _response(request: Request, store: ExportStore, found: ExportRead, size: int) -> Response:
    path = store.local_path(found.stored_name)
    if path is None:
        return _streamed(request, store, found, size)
    status = await asyncio.to_thread(os.stat, path)
    media_type = MEDIA_TYPES[found.format]
    return FileResponse(path, media_type=media_type, filename=found.file_name, stat_result=status)


def _streamed(request: Request, store: ExportStore, found: ExportRead, size: int) -> Response:
    media_type, name = MEDIA_TYPES[found.format], found.file_name
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": f'attachment; filename="{name}"'}
    try:
        start, end = range_of(request.headers.get("range", ""), size)
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    is_part = (start, end) != (0, size)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    status = 206 if is_part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    pieces = iterate_in_threadpool(store.read(found.stored_name, start, end))
    return StreamingResponse(pieces, status, headers=headers, media_type=media_type)


def range_of(header: str, size: int) -> tuple[int, int]:
    """Reads a Range header as (first, after the last); raises ValueError when nothing of the file is in it.

    Several ranges, and what is no range of bytes, may be answered with the whole file, as if nothing was asked.
    """
    match = _ONE_RANGE.fullmatch(header.replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    if match[2] and match[1] and int(match[2]) < int(match[1]):
        return 0, size
    if start >= size or end <= start:
        raise ValueError(f"Nothing of {size} bytes is within {header}.")
    return start, end
