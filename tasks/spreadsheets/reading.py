"""Reading an uploaded spreadsheet, in a child process with limits, so that no file can harm or delay the server."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tasks.spreadsheets.exit_status import MEMORY_SPENT
from tasks.spreadsheets.process import ask, reading_processes
from tasks.spreadsheets.rejection import damaged

MAXIMUM_CHILDREN = 2
"""How many files are read at the same time by one server process; more wait."""
_children = asyncio.Semaphore(MAXIMUM_CHILDREN)


@dataclass(frozen=True, slots=True)
class SpreadsheetLimits:
    """What a file may be, in bytes, rows with the header, columns and characters, and what reading it may take."""

    file_bytes: int = 10_000_000
    rows: int = 65_536
    columns: int = 256
    unpacked_bytes: int = 60_000_000
    cell_length: int = 32_767
    memory_bytes: int = 300_000_000
    cpu_seconds: int = 4
    wall_seconds: float = 15.0


class SpreadsheetRow(NamedTuple):
    """A good row: its number as a spreadsheet shows it, and the three columns."""

    row: int
    sku: str
    quantity: int
    erp_code: str


@dataclass(slots=True)
class SpreadsheetRows:
    """Good rows, kept as columns: the garbage collector would visit every one of thousands of tuples, over and over."""

    numbers: list[int] = field(default_factory=list)
    skus: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    erp_codes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[SpreadsheetRow]:
        """Yields the rows in their order."""
        columns = zip(self.numbers, self.skus, self.quantities, self.erp_codes, strict=True)
        return map(SpreadsheetRow._make, columns)

    def extend(self, columns: Sequence[list[Any]]) -> None:
        """Takes in the four columns of more rows."""
        numbers, skus, quantities, erp_codes = columns
        self.numbers += numbers
        self.skus += skus
        self.quantities += quantities
        self.erp_codes += erp_codes


@dataclass(frozen=True, slots=True)
class SpreadsheetError:
    """A cell that was rejected: row, column, the value found, and why."""

    row: int
    column: str | None
    value: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """What was read: every good row, at most 1,000 rejected cells, and the count of all rows and of the bad ones."""

    rows_read: int
    rows: SpreadsheetRows
    errors: list[SpreadsheetError]
    error_count: int


class SpreadsheetRejected(Exception):
    """Raised when a file cannot be read: FILE_UNREADABLE, FILE_TOO_LARGE or MISSING_COLUMN, and why, for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def read_spreadsheet(path: Path, limits: SpreadsheetLimits) -> Spreadsheet:
    """Reads an xls, xlsx, ods or csv file, told by its content; raises SpreadsheetRejected and nothing else."""
    size = (await asyncio.to_thread(path.stat)).st_size
    if size > limits.file_bytes:
        message = f"The file has {size} bytes; at most {limits.file_bytes} are allowed."
        raise SpreadsheetRejected("FILE_TOO_LARGE", message)
    async with _children:
        status, answer = await _run_child(path, limits)
    if status == 0:
        return await _spreadsheet_of(answer)
    if status == MEMORY_SPENT:
        raise _too_much("memory than is allowed")
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_much(f"than {limits.cpu_seconds} seconds")
    fault = damaged("reading it failed")
    raise SpreadsheetRejected(fault.code, fault.message)


def _too_much(bound: str) -> SpreadsheetRejected:
    message = f"Reading the file takes more {bound}; send fewer rows, or save it as csv."
    return SpreadsheetRejected("FILE_TOO_LARGE", message)


async def _run_child(path: Path, limits: SpreadsheetLimits) -> tuple[int, list[bytes]]:
    try:
        async with (
            reading_processes.lent() as process,
            asyncio.timeout(limits.wall_seconds),
        ):
            return await ask(process, orjson.dumps([str(path), asdict(limits)]) + b"\n")
    except TimeoutError:
        return -signal.SIGKILL, []


async def _spreadsheet_of(answer: list[bytes]) -> Spreadsheet:
    """Reads the child's answer: a line of what was found, then lines of some hundred rows each, as columns.

    The loop is let go after every line, so that other buyers are answered meanwhile.
    """
    found, *batches = answer
    content: dict[str, Any] = orjson.loads(found)
    if "rejected" in content:
        raise SpreadsheetRejected(*content["rejected"])
    rows = SpreadsheetRows()
    for batch in batches:
        rows.extend(orjson.loads(batch))
        await asyncio.sleep(0)
    errors = [SpreadsheetError(*error) for error in content["errors"]]
    return Spreadsheet(content["rows_read"], rows, errors, content["error_count"])
