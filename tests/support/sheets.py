"""Spreadsheets written by the real writers, for the tests."""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import openpyxl
import xlsxwriter
import xlwt

HEADER = ("product__sku", "quantity", "division__erp_code")
Rows = Sequence[Sequence[Any]]


def xls(rows: Rows, header: Sequence[Any] = HEADER) -> bytes:
    """Writes an xls file with xlwt."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("basket")
    for place, row in enumerate([header, *rows]):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write(place, column, cell, xlwt.easyxf(num_format_str="YYYY-MM-DD"))
            elif cell is not None:
                sheet.write(place, column, cell)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def xlsx(rows: Rows, header: Sequence[Any] = HEADER) -> bytes:
    """Writes an xlsx file with xlsxwriter."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False})
    sheet = book.add_worksheet()
    for place, row in enumerate([header, *rows]):
        sheet.write_row(place, 0, row)
    book.close()
    return target.getvalue()


def openpyxl_book(rows: Rows, header: Sequence[Any] = HEADER) -> bytes:
    """Writes an xlsx file with openpyxl."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [header, *rows]:
        sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def csv(
    rows: Rows,
    header: Sequence[Any] = HEADER,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> bytes:
    """Writes a csv file by hand."""
    lines = [
        delimiter.join("" if cell is None else str(cell) for cell in row)
        for row in [header, *rows]
    ]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


WRITERS = {"xls": xls, "xlsx": xlsx, "openpyxl": openpyxl_book, "csv": csv}
