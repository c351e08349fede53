"""Static files, each compressed once and then cached."""

import asyncio
from functools import partial
from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.http.compression import encoded_headers, is_compressible
from web.http.content_coding import VARY, Coding, choose_coding


class CompressedFiles(StaticFiles):
    """Serves the files of folders, which do not change while it runs; their number is small."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._cached: dict[tuple[str, bytes], bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns a file, from the cache where the client accepts it compressed."""
        response = await super().get_response(path, scope)
        coding, smallest = choose_coding(scope)
        if coding is None or not isinstance(response, FileResponse):
            return response
        headers = dict(scope["headers"])
        if scope["method"] != "GET" or b"range" in headers:
            return response
        size = int(response.headers["content-length"])
        if size <= smallest or not is_compressible(
            response.headers["content-type"].encode()
        ):
            return response
        content = await self._compress(Path(response.path), coding)
        compressed = Response(content)
        length = (b"content-length", str(len(content)).encode())
        compressed.raw_headers = [
            *encoded_headers(response.raw_headers, coding),
            VARY,
            length,
        ]
        return compressed

    async def _compress(self, path: Path, coding: Coding) -> bytes:
        """Returns a file in a coding; two that ask at the same time may both compress it."""
        key = (str(path), coding.name)
        if key not in self._cached:
            read = partial(_read_compressed, path, coding)
            self._cached[key] = await asyncio.to_thread(read)
        return self._cached[key]


def _read_compressed(path: Path, coding: Coding) -> bytes:
    return coding.compress_tightly(path.read_bytes())
