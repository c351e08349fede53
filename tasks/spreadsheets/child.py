"""The processes that read files, one each: limits first, then the file, then the answer as JSON."""

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.cells import MergedCells, Row
from tasks.spreadsheets.compound_document import SIGNATURE as OLE
from tasks.spreadsheets.csv_file import rows_of_csv
from tasks.spreadsheets.exit_status import MEMORY_SPENT
from tasks.spreadsheets.ods_file import CONTENT, rows_of_ods
from tasks.spreadsheets.rejection import (
    MISSING_COLUMN,
    UNREADABLE,
    Rejected,
    damaged,
    too_large,
)
from tasks.spreadsheets.row_order import RowsOutOfOrder, checked_order, sorted_rows
from tasks.spreadsheets.rows import NumberedRow, RowReader, is_empty
from tasks.spreadsheets.xls_file import rows_of_xls
from tasks.spreadsheets.xlsx_file import rows_of_xlsx
from tasks.spreadsheets.xlsx_parts import workbook_name

ZIP = b"PK\x03\x04"
OLD_XLS = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")
BATCH_ROWS = 500
"""How many rows are written in one line of the answer, as four columns."""
_OTHERS = {
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


def limit_process(memory_bytes: int, cpu_seconds: int) -> None:
    """Limits memory and processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def rows_of(
    content: bytes, limits: dict[str, Any], merged: list[MergedCells]
) -> Iterator[NumberedRow]:
    """Yields the numbered rows of a file, whose kind is told by its content; raises Rejected."""
    cell_length = limits["cell_length"]
    if content.startswith(ZIP):
        return rows_of_archive(Archive(content, limits["unpacked_bytes"]), limits, merged)
    if content.startswith((OLE, *OLD_XLS)):
        return rows_of_xls(content, cell_length=cell_length, merged=merged)
    check_is_text(content)
    return rows_of_csv(content, cell_length=cell_length)


def rows_of_archive(
    archive: Archive, limits: dict[str, Any], merged: list[MergedCells]
) -> Iterator[NumberedRow]:
    """Yields the numbered rows of an xlsx or ods file; raises Rejected for another archive."""
    cell_length = limits["cell_length"]
    if workbook_name(archive) in archive:
        return rows_of_xlsx(archive, cell_length=cell_length, merged=merged)
    found = (name for part, name in _OTHER_ARCHIVES.items() if part in archive)
    if other := next(found, None):
        raise no_spreadsheet(other)
    if CONTENT in archive:
        return rows_of_ods(archive, columns=limits["columns"], cell_length=cell_length)
    raise no_spreadsheet("a zip archive of other files")


def no_spreadsheet(found: str) -> Rejected:
    """Returns the rejection of a file of another kind."""
    message = f"The file is no spreadsheet: it holds {found}. Save it as xlsx or csv."
    return Rejected(UNREADABLE, message)


def check_is_text(content: bytes) -> None:
    """Raises Rejected for what is neither a spreadsheet nor plain text, naming what was found."""
    found = next((name for mark, name in _OTHERS.items() if content.startswith(mark)), None)
    head = (
        content[:1_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    )
    if head.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<body")):
        found = "an HTML page"
    elif head.startswith(b"<"):
        found = "an XML document"
    elif not content.strip():
        found = "nothing"
    if found:
        raise no_spreadsheet(found)


def filled_rows(
    rows: Iterator[NumberedRow], limits: dict[str, Any]
) -> Iterator[NumberedRow]:
    """Passes on rows that hold something; raises Rejected when there are too many, or too wide."""
    maximum, columns = limits["rows"], limits["columns"]
    count = 0
    for number, row in rows:
        if all(map(is_empty, row.values())):
            continue
        count += 1
        if count > maximum:
            raise too_large(f"The file has more than {maximum} rows that hold something.")
        if len(row) > columns:
            check_width(number, row, columns)
        yield number, row


def check_width(number: int, row: Row, columns: int) -> None:
    """Raises Rejected when more cells of a row hold something than are allowed."""
    filled = sum(not is_empty(cell) for cell in row.values())
    if filled > columns:
        message = f"Row {number} has {filled} cells that hold something; at most {columns} are allowed."
        raise too_large(message)


def read_rows(content: bytes, limits: dict[str, Any]) -> RowReader:
    """Reads all rows, in the order of their numbers; raises Rejected."""
    is_csv = not content.startswith((ZIP, OLE, *OLD_XLS))
    try:
        return reader_of(content, limits, checked_order, is_marked=is_csv)
    except RowsOutOfOrder:
        return reader_of(content, limits, sorted_rows, is_marked=is_csv)
    except Rejected as rejection:
        if is_csv or rejection.code != MISSING_COLUMN:
            raise
        # The header may stand behind its rows.
        return reader_of(content, limits, sorted_rows, is_marked=is_csv)


def reader_of(
    content: bytes,
    limits: dict[str, Any],
    ordered: Callable[[Iterator[NumberedRow]], Iterator[NumberedRow]],
    *,
    is_marked: bool,
) -> RowReader:
    """Reads all rows in the order that a function gives them."""
    reader = RowReader(is_marked=is_marked)
    merged: list[MergedCells] = []
    reader.read(ordered(filled_rows(rows_of(content, limits, merged), limits)))
    if merged:
        reader.reject_covered(merged)
    return reader


def read(content: bytes, limits: dict[str, Any]) -> dict[str, Any]:
    """Reads a file and returns its rows, or the reason why it is rejected."""
    try:
        reader = read_rows(content, limits)
    except Rejected as rejection:
        return {"rejected": [rejection.code, rejection.message]}
    except MemoryError:
        raise
    # Libraries raise anything over a broken file; the parent must hear that the file is at fault.
    except Exception:
        return {"rejected": [UNREADABLE, damaged("its content contradicts itself").message]}
    return {
        "rows_read": reader.rows_read,
        "rows": reader.rows,
        "errors": reader.errors,
        "error_count": reader.error_count,
    }


def answer(line: bytes) -> None:
    """Reads the file that a line names within the limits that it gives, and writes JSON, a line at a time."""
    path, limits = orjson.loads(line)
    limit_process(limits["memory_bytes"], limits["cpu_seconds"])
    found = read(Path(path).read_bytes(), limits)
    rows = found.pop("rows", [])
    batches = (
        list(zip(*rows[first : first + BATCH_ROWS], strict=True))
        for first in range(0, len(rows), BATCH_ROWS)
    )
    sys.stdout.buffer.writelines(orjson.dumps(line) + b"\n" for line in (found, *batches))
    sys.stdout.buffer.flush()


def answer_and_end(line: bytes) -> None:
    """Answers in a process that was forked for it, and ends that process whatever happens."""
    status = 1
    try:
        answer(line)
        status = 0
    except MemoryError:
        # Nothing that needs memory can be done any more, not even to say so in JSON.
        status = MEMORY_SPENT
    finally:
        # Python would tidy up everything that was read, for as long again as a small file takes.
        os._exit(status)


def main() -> None:
    """Forks a process for every line, and after its answer writes the status it ended with, on a line of its own."""
    gc.freeze()
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            answer_and_end(line)
        _, status = os.waitpid(child, 0)
        # The line before it may have been cut off.
        sys.stdout.buffer.write(b"\n%d\n" % os.waitstatus_to_exitcode(status))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
