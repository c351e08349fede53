"""Downloading exported files, by a signed address or with the owner's token."""

import asyncio
import os
import re
from pathlib import Path

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from models.export.export import ExportFormat, ExportRead, ExportStatus, find_export
from tasks.exports.address import AddressExpired, is_signed
from tasks.exports.store import ExportStore
from web.authentication import buyer_of, unauthenticated
from web.json_response import error_response

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
            return error_response(410, "FILE_EXPIRED", "The file was kept for its time and is gone; export it again.")
        return _not_found()
    folder: ExportStore = request.state.export_store
    response = await _response(request, folder, found.file_name, MEDIA_TYPES[found.format])
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _response(request: Request, folder: ExportStore, name: str, media_type: str) -> Response:
    path = folder.local_path(name)
    if path is None:
        return await _streamed(request, folder, name, media_type)
    try:
        status = await asyncio.to_thread(os.stat, path)
    except FileNotFoundError:
        return _not_found()
    return FileResponse(Path(path), media_type=media_type, filename=name, stat_result=status)


async def _streamed(request: Request, folder: ExportStore, name: str, media_type: str) -> Response:
    size = await asyncio.to_thread(folder.size, name)
    if size is None:
        return _not_found()
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
    pieces = iterate_in_threadpool(folder.read(name, start, end))
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
