"""Reading a spreadsheet in this process."""

from dataclasses import astuple
from pathlib import Path
from typing import Any

from tasks.spreadsheets.child import read
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import Spreadsheet, SpreadsheetLimits


async def sheet_of(content: bytes, folder: Path, **limits: Any) -> Spreadsheet:
    """Reads a file as an upload is read: from disk, in a child process."""
    path = folder / "upload"
    path.write_bytes(content)
    return await SpreadsheetReader().read(path, SpreadsheetLimits(**limits))


def read_here(content: bytes) -> dict[str, Any]:
    """Reads a file with the child's code, in this process."""
    try:
        sheet = read(content, SpreadsheetLimits())
    except SpreadsheetRejected as rejection:
        return {"rejected": [rejection.code, rejection.message]}
    return {
        "rows_read": sheet.rows_read,
        "rows": list(sheet.rows),
        "errors": [astuple(error) for error in sheet.errors],
        "error_count": sheet.error_count,
    }
