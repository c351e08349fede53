"""The processes that read files, a fork per file: limits first, then the file, then JSON lines."""

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.cell_values import is_empty
from tasks.spreadsheets.cells import MergedCells, Row
from tasks.spreadsheets.compound_document import SIGNATURE as OLE
from tasks.spreadsheets.csv_file import read_csv_rows
from tasks.spreadsheets.exit_status import MEMORY_SPENT
from tasks.spreadsheets.ods_file import CONTENT, read_ods_rows
from tasks.spreadsheets.rejection import (
    SEND_LESS,
    SpreadsheetCode,
    SpreadsheetRejected,
    damage_rejection,
    format_rejection,
    size_rejection,
)
from tasks.spreadsheets.row_order import RowsOutOfOrder, check_order, sort_rows
from tasks.spreadsheets.rows import NumberedRow, RowReader
from tasks.spreadsheets.sheet import Spreadsheet, SpreadsheetLimits
from tasks.spreadsheets.xls_file import read_xls_rows
from tasks.spreadsheets.xlsx_file import read_xlsx_rows
from tasks.spreadsheets.xlsx_parts import WORKBOOK, find_workbook

ZIP = b"PK\x03\x04"
OLD_XLS = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")
BATCH_ROWS = 500
"""Rows per line of the response."""
_OTHER_FORMATS = {
    b"%PDF": "a PDF document",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "a text document",
}
_OTHER_ARCHIVES = {
    "xl/workbook.bin": "a binary workbook (xlsb)",
    "word/document.xml": "a text document",
    "ppt/presentation.xml": "a presentation",
    "Index/Document.iwa": "a document of Apple Numbers or Pages",
}
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_OPEN_SPREADSHEET = _OPEN_DOCUMENT + b"spreadsheet"
_HTML = (b"<!doctype html", b"<html", b"<table", b"<head", b"<body")

RowOrder = Callable[[Iterator[NumberedRow]], Iterator[NumberedRow]]


def limit_process(limits: SpreadsheetLimits) -> None:
    """Limits the memory and the processor time of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    # The soft limit sends SIGXCPU, the hard one SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    # A core dump would write the content of the file to disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_numbered_rows(
    content: bytes, limits: SpreadsheetLimits, merged: list[MergedCells]
) -> Iterator[NumberedRow]:
    """Yields the rows of a file, whose format is told by its content; adds to `merged`."""
    if content.startswith(ZIP):
        return read_archive_rows(Archive(content, limits.unpacked_bytes), limits, merged)
    if content.startswith((OLE, *OLD_XLS)):
        return read_xls_rows(content, cell_length=limits.cell_length, merged=merged)
    check_is_text(content)
    return read_csv_rows(content, cell_length=limits.cell_length)


def read_archive_rows(
    archive: Archive, limits: SpreadsheetLimits, merged: list[MergedCells]
) -> Iterator[NumberedRow]:
    """Yields the rows of an xlsx or ods file; raises SpreadsheetRejected for another archive."""
    # These have a main part that stands in the place of a workbook, too.
    others = (name for part, name in _OTHER_ARCHIVES.items() if part in archive)
    if (other := next(others, None)) and WORKBOOK not in archive:
        raise other_format_rejection(other)
    if find_workbook(archive) in archive:
        return read_xlsx_rows(archive, cell_length=limits.cell_length, merged=merged)
    if CONTENT in archive:
        check_is_open_spreadsheet(archive)
        return read_ods_rows(archive, cell_length=limits.cell_length)
    raise other_format_rejection("a zip archive of other files")


def check_is_open_spreadsheet(archive: Archive) -> None:
    """Raises SpreadsheetRejected for OpenDocument that says it is no spreadsheet."""
    kind = b"".join(archive.pieces("mimetype")) if "mimetype" in archive else b""
    if kind.startswith(_OPEN_DOCUMENT) and not kind.startswith(_OPEN_SPREADSHEET):
        raise other_format_rejection("another document than a sheet of OpenDocument")


def other_format_rejection(content: str) -> SpreadsheetRejected:
    """Returns the rejection of a file that holds something else."""
    return format_rejection(
        f"The file is no spreadsheet: it holds {content}. Save it as xlsx or csv."
    )


def check_is_text(content: bytes) -> None:
    """Raises SpreadsheetRejected for content that is neither a spreadsheet nor plain text."""
    matches = (name for mark, name in _OTHER_FORMATS.items() if content.startswith(mark))
    other = next(matches, None)
    head = content[:1_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if head.lower().startswith(_HTML):
        other = "an HTML page"
    elif head.startswith(b"<"):
        other = "an XML document"
    elif not content.strip():
        other = "nothing"
    if other:
        raise other_format_rejection(other)


def check_size(
    rows: Iterator[NumberedRow], limits: SpreadsheetLimits
) -> Iterator[NumberedRow]:
    """Yields the rows that hold something; raises SpreadsheetRejected beyond a limit."""
    count = 0
    for number, row in rows:
        if all(map(is_empty, row.values())):
            continue
        count += 1
        if count > limits.rows:
            raise size_rejection(
                f"The file has more than {limits.rows} rows that hold something. {SEND_LESS}"
            )
        if len(row) > limits.columns:
            check_width(number, row, limits.columns)
        yield number, row


def check_width(number: int, row: Row, maximum: int) -> None:
    """Raises SpreadsheetRejected when more cells of a row hold something than are allowed."""
    filled = sum(not is_empty(cell) for cell in row.values())
    if filled > maximum:
        raise size_rejection(
            f"Row {number} has {filled} cells that hold something; "
            f"at most {maximum} are allowed. Remove the columns that are not imported."
        )


def read_in_any_order(
    content: bytes, limits: SpreadsheetLimits, *, is_division_optional: bool
) -> Spreadsheet:
    """Reads all rows in the order of their numbers; raises SpreadsheetRejected."""
    is_csv = not content.startswith((ZIP, OLE, *OLD_XLS))

    def read_by(order: RowOrder) -> Spreadsheet:
        reader = RowReader(is_marked=is_csv, is_division_optional=is_division_optional)
        return read_in_order(content, limits, order, reader)

    try:
        return read_by(check_order)
    except RowsOutOfOrder:
        return read_by(sort_rows)
    except SpreadsheetRejected as rejection:
        if is_csv or rejection.code is not SpreadsheetCode.MISSING_COLUMN:
            raise
        # The header may come after its rows in the file.
        return read_by(sort_rows)


def read_in_order(
    content: bytes, limits: SpreadsheetLimits, order: RowOrder, reader: RowReader
) -> Spreadsheet:
    """Reads all rows in the order that a function gives them."""
    merged: list[MergedCells] = []
    reader.read(order(check_size(read_numbered_rows(content, limits, merged), limits)))
    reader.reject_covered(merged)
    return reader.spreadsheet()


def read(
    content: bytes, limits: SpreadsheetLimits, *, is_division_optional: bool = False
) -> Spreadsheet:
    """Reads a file; raises SpreadsheetRejected, or MemoryError."""
    try:
        return read_in_any_order(content, limits, is_division_optional=is_division_optional)
    except (SpreadsheetRejected, MemoryError):
        raise
    # Libraries raise anything over a broken file; the sender must hear that the file is at fault.
    except Exception:
        raise damage_rejection("its content contradicts itself") from None


def format_response(
    content: bytes, limits: SpreadsheetLimits, *, is_division_optional: bool = False
) -> Iterator[bytes]:
    """Yields the lines of the response to a file: a summary, then the rows in batches."""
    try:
        sheet = read(content, limits, is_division_optional=is_division_optional)
    except SpreadsheetRejected as rejection:
        yield orjson.dumps({"rejected": [rejection.code, rejection.message]})
        return
    yield orjson.dumps(
        {
            "rows_read": sheet.rows_read,
            "errors": sheet.errors,
            "error_count": sheet.error_count,
        }
    )
    yield from map(orjson.dumps, sheet.rows.batches(BATCH_ROWS))


def respond(request: bytes) -> None:
    """Reads the file that a request names, within its limits, and writes JSON lines."""
    path, given_limits, is_optional = orjson.loads(request)
    limits = SpreadsheetLimits(**given_limits)
    limit_process(limits)
    content = Path(path).read_bytes()
    lines = format_response(content, limits, is_division_optional=is_optional)
    sys.stdout.buffer.writelines(line + b"\n" for line in lines)
    sys.stdout.buffer.flush()


def respond_and_exit(request: bytes) -> None:
    """Responds in a process that was forked for it, and ends that process in any case."""
    status = 1
    try:
        respond(request)
        status = 0
    except MemoryError:
        # Without memory not even an error can be written as JSON.
        status = MEMORY_SPENT
    finally:
        # An ordinary exit frees all that was read, which takes as long again as reading it.
        os._exit(status)


def main() -> None:
    """Forks a child per request; after its response writes the child's exit status on a line."""
    # The collector of a child would otherwise write to, and so copy, all pages it shares.
    gc.freeze()
    for request in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            respond_and_exit(request)
        _, status = os.waitpid(child, 0)
        # A killed child may have left its last line without an end.
        sys.stdout.buffer.write(b"\n%d\n" % os.waitstatus_to_exitcode(status))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
