"""Reading and writing rows with the libraries alone, which ours is compared with."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import xlrd
import xlsxwriter
import xlwt

Rows = Sequence[Sequence[Any]]


def write_csv(path: Path, rows: Rows) -> None:
    """Writes rows with the csv module."""
    # Excel reads a csv file without the mark as Latin-1, so ours writes it, too.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def write_xls(path: Path, rows: Rows) -> None:
    """Writes rows with xlwt."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("rows")
    for index, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(index, column, cell)
    book.save(str(path))


def write_xlsx(path: Path, rows: Rows) -> None:
    """Writes rows with xlsxwriter, in constant memory, as ours does."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for index, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(index, column, cell)
    book.close()


def read_csv(content: bytes) -> Rows:
    """Reads rows with the csv module."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_xls(content: bytes) -> Rows:
    """Reads rows with xlrd."""
    sheet = xlrd.open_workbook(file_contents=content).sheet_by_index(0)
    return [sheet.row_values(index) for index in range(sheet.nrows)]


def read_xlsx(content: bytes) -> Rows:
    """Reads rows with openpyxl, in its read-only mode."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    return list(book.worksheets[0].iter_rows(values_only=True))


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    "csv": write_csv,
    "xls": write_xls,
    "xlsx": write_xlsx,
}
READERS: dict[str, Callable[[bytes], Rows]] = {
    "csv": read_csv,
    "xls": read_xls,
    "xlsx": read_xlsx,
}
