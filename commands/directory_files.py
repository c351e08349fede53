"""The files of the directory: csv, in the encodings and with the delimiters of basket imports."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from commands.administration import AdministrationRejected
from models.directory.lines import COLUMNS, OPTIONAL, FileLine
from tasks.spreadsheets.csv_file import read_csv_rows
from tasks.spreadsheets.formula_text import unescape_formulas
from tasks.spreadsheets.header import normalize_header
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.writing import write_spreadsheet
from text import quote

MAXIMUM_BYTES = 50_000_000
"""The largest file."""
MAXIMUM_LINES = 200_000
"""The highest number of lines of a file, besides its header."""
MAXIMUM_CELL_LENGTH = 2_000
"""The longest cell: longer than any text that is accepted, so that its fault names it."""


def read_file(file: str, path: Path) -> Sequence[FileLine]:
    """Reads a file; raises AdministrationRejected when it is none of its kind, or too large."""
    rows = read_csv_rows(
        _read_bytes(path), cell_length=MAXIMUM_CELL_LENGTH, columns=COLUMNS[file]
    )
    # Rows are read one by one, so that a file with too many is given up early.
    try:
        _, header = next(rows, (1, {}))
        names = {index: normalize_header(str(cell)) for index, cell in header.items()}
        _check_header(file, path, list(names.values()))
        lines = [
            _read_line(number, names, row)
            for number, row in islice(rows, MAXIMUM_LINES + 1)
        ]
    except SpreadsheetRejected as rejection:
        raise AdministrationRejected(f"{path}: {rejection.message}") from None
    if len(lines) > MAXIMUM_LINES:
        raise AdministrationRejected(
            f"{path} has more than {MAXIMUM_LINES} lines; that is the limit."
        )
    return lines


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            # Bounded, because a path may name a device or a pipe that never ends.
            content = opened.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AdministrationRejected(f"{path} cannot be read: {reason}.") from None
    if len(content) > MAXIMUM_BYTES:
        raise AdministrationRejected(
            f"{path} has more than {MAXIMUM_BYTES} bytes; that is the limit."
        )
    return content


def _check_header(file: str, path: Path, names: Sequence[str]) -> None:
    """Raises AdministrationRejected unless each column of a file is there once, and no other."""
    expected = COLUMNS[file]
    faults = [
        *(f"the column {name} is missing" for name in expected if _lacks(name, names)),
        # A misspelt name of an optional column must not pass for its absence.
        *(f"{quote(name)} is no column" for name in names if name not in expected),
        *(f"the column {name} occurs twice" for name in expected if names.count(name) > 1),
    ]
    if faults:
        raise AdministrationRejected(
            f"{path}: {'; '.join(faults)}. The columns are {', '.join(expected)}."
        )


def _lacks(name: str, names: Sequence[str]) -> bool:
    return name not in names and name not in OPTIONAL


def _read_line(
    number: int, names: Mapping[int, str], row: Mapping[int, object]
) -> FileLine:
    beyond = sorted(row.keys() - names.keys())
    cells = {
        name: unescape_formulas(str(row.get(index, ""))) for index, name in names.items()
    }
    return FileLine(number, cells, str(row[beyond[0]]) if beyond else None)


def write_file(file: str, path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Writes a file whole, or leaves the one that is there; raises AdministrationRejected."""
    written = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as target:
            written = target.name
            write_spreadsheet(cast(BinaryIO, target), "csv", COLUMNS[file], rows)
        # Beside its target, so that one step puts it in its place.
        os.replace(written, path)
    except OSError as error:
        if written is not None:
            with suppress(OSError):
                os.unlink(written)
        raise AdministrationRejected(
            f"{path} cannot be written: {error.strerror or error}."
        ) from None
