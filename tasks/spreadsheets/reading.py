"""Reading an uploaded spreadsheet in a child process, safe from hostile files."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from tasks.spreadsheets.exit_status import MEMORY_SPENT
from tasks.spreadsheets.process import ReadingProcesses, send_request
from tasks.spreadsheets.rejection import (
    SEND_LESS,
    SpreadsheetCode,
    SpreadsheetRejected,
    damage_rejection,
    size_rejection,
)
from tasks.spreadsheets.sheet import (
    RowError,
    Spreadsheet,
    SpreadsheetLimits,
    SpreadsheetRows,
)

MAXIMUM_FILES = 2
"""The highest number of files that one server process reads at the same time; others wait."""


class SpreadsheetReader:
    """Reads the uploaded spreadsheets of one server process."""

    def __init__(
        self,
        limits: SpreadsheetLimits | None = None,
        maximum_files: int = MAXIMUM_FILES,
    ) -> None:
        self._limits = limits or SpreadsheetLimits()
        self._processes = ReadingProcesses()
        self._permits = asyncio.Semaphore(maximum_files)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keeps reading processes for the next file until the end; without it each reads one."""
        async with self._processes.open():
            yield

    async def read(
        self,
        path: Path,
        limits: SpreadsheetLimits | None = None,
        *,
        is_division_optional: bool = False,
    ) -> Spreadsheet:
        """Reads an xls, xlsx, ods or csv file, told by its content; raises SpreadsheetRejected.

        Where the division is optional, a row without one has an empty ERP code.
        """
        limits = limits or self._limits
        size = (await asyncio.to_thread(path.stat)).st_size
        if size > limits.file_bytes:
            raise size_rejection(
                f"The file has {size} bytes; at most {limits.file_bytes} are allowed. {SEND_LESS}"
            )
        async with self._permits:
            status, lines = await self._run_child(
                path, limits, is_division_optional=is_division_optional
            )
        if status == 0:
            return await _spreadsheet_from_lines(lines)
        raise _rejection_from_status(status, limits)

    async def _run_child(
        self, path: Path, limits: SpreadsheetLimits, *, is_division_optional: bool
    ) -> tuple[int, list[bytes]]:
        request = orjson.dumps([str(path), limits, is_division_optional]) + b"\n"
        try:
            async with (
                # Outside of the timeout: starting does not count, and a late process is ended.
                self._processes.lend() as process,
                asyncio.timeout(limits.wall_seconds),
            ):
                return await send_request(process, request)
        except TimeoutError:
            return -signal.SIGKILL, []


def _rejection_from_status(status: int, limits: SpreadsheetLimits) -> SpreadsheetRejected:
    if status == MEMORY_SPENT:
        bound = "memory than is allowed"
    elif status in (-signal.SIGXCPU, -signal.SIGKILL):
        bound = f"than {limits.cpu_seconds} seconds"
    else:
        return damage_rejection("reading it failed")
    return size_rejection(
        f"Reading the file takes more {bound}; send fewer rows, or save it as csv."
    )


async def _spreadsheet_from_lines(lines: Sequence[bytes]) -> Spreadsheet:
    """Parses the child's lines of JSON: a summary, then the rows in batches."""
    first, *batches = lines
    summary: dict[str, Any] = orjson.loads(first)
    if "rejected" in summary:
        code, message = summary["rejected"]
        raise SpreadsheetRejected(SpreadsheetCode(code), message)
    rows = SpreadsheetRows()
    for batch in batches:
        rows.extend(SpreadsheetRows(**orjson.loads(batch)))
        # Thousands of rows take milliseconds; other requests run in between.
        await asyncio.sleep(0)
    errors = [
        RowError(**error | {"code": SpreadsheetCode(error["code"])})
        for error in summary["errors"]
    ]
    return Spreadsheet(summary["rows_read"], rows, errors, summary["error_count"])
