"""The processes that read files, one each: limits first, then the file, then the answer as JSON."""

import gc
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from tasks.spreadsheets.csv_file import rows_of_csv
from tasks.spreadsheets.exit_status import MEMORY_SPENT
from tasks.spreadsheets.rows import Refused, RowReader
from tasks.spreadsheets.xls_file import rows_of_xls
from tasks.spreadsheets.xlsx_file import rows_of_xlsx

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
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


def limit_process(memory_bytes: int, cpu_seconds: int) -> None:
    """Limits memory and processor time."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def rows_of(content: bytes, limits: dict[str, Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yields the numbered rows of a file, whose kind is told by its content; raises Refused."""
    columns, cell_length = limits["columns"], limits["cell_length"]
    if content.startswith(ZIP):
        unpacked = limits["unpacked_bytes"]
        return rows_of_xlsx(content, unpacked_bytes=unpacked, columns=columns, cell_length=cell_length)
    if content.startswith((OLE, b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")):
        return rows_of_xls(content, columns=columns, cell_length=cell_length)
    check_is_text(content)
    return rows_of_csv(content, cell_length=cell_length)


def check_is_text(content: bytes) -> None:
    """Raises Refused for what is neither a spreadsheet nor plain text, naming what was found."""
    found = next((name for mark, name in _OTHERS.items() if content.startswith(mark)), None)
    head = content[:1_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<body")):
        found = "an HTML page"
    elif head.startswith(b"<"):
        found = "an XML document"
    elif not content.strip():
        found = "nothing"
    if found:
        raise Refused("FILE_UNREADABLE", f"The file is no spreadsheet: it holds {found}.")


def limited(rows: Iterator[tuple[int, Sequence[Any]]], limits: dict[str, Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Passes rows on; raises Refused beyond the highest number of rows, or of columns."""
    for number, row in rows:
        if number > limits["rows"]:
            raise Refused("FILE_TOO_LARGE", f"The file has more than {limits['rows']} rows.")
        if len(row) > limits["columns"]:
            message = f"Row {number} has {len(row)} columns; at most {limits['columns']} are allowed."
            raise Refused("FILE_TOO_LARGE", message)
        yield number, row


def read(content: bytes, limits: dict[str, Any]) -> dict[str, Any]:
    """Reads a file and returns what was read, or why it was refused."""
    is_csv = not content.startswith((ZIP, OLE, b"\x09"))
    reader = RowReader(is_marked=is_csv)
    try:
        reader.read(limited(rows_of(content, limits), limits))
    except Refused as refusal:
        return {"refused": [refusal.code, refusal.message]}
    except MemoryError:
        raise
    # Libraries raise whatever they stumble upon in a broken file; the parent must hear that it is the file's fault.
    except Exception as error:
        return {"refused": ["FILE_UNREADABLE", f"The file is broken: {type(error).__name__}."]}
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
    batches = (list(zip(*rows[first : first + BATCH_ROWS], strict=True)) for first in range(0, len(rows), BATCH_ROWS))
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
