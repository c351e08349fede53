"""Files of xlsx and xls with one SKU, whose cell alone has a number format."""

import io
from collections.abc import Callable

import xlsxwriter
import xlwt

from tests.support import sheets
from tests.support.reading import read_here

SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"


def xlsx_sku(sku: str | int, code: str) -> bytes:
    """Returns an xlsx file with one SKU, whose cell alone has a number format."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, sheets.HEADER)
        sheet.write(1, 0, sku, book.add_format({"num_format": code}))
        sheet.write_row(1, 1, [1, "E"])
    return target.getvalue()


def _xls_book(sku: str | int, code: str) -> xlwt.Workbook:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for column, (name, cell) in enumerate(zip(sheets.HEADER, (sku, 1, "E"), strict=True)):
        sheet.write(0, column, name)
        style = {} if column else {"style": xlwt.easyxf(num_format_str=code)}
        sheet.write(1, column, cell, **style)
    return book


def xls_sku(sku: str | int, code: str) -> bytes:
    """Returns an xls file with one SKU, whose cell alone has a number format."""
    target = io.BytesIO()
    _xls_book(sku, code).save(target)
    return target.getvalue()


def xls_stream(sku: str | int, code: str) -> bytes:
    """Returns the records of the same file without the file around them."""
    stream: bytes = _xls_book(sku, code).get_biff_data()
    return stream


def skus(content: bytes) -> list[str]:
    """Returns the SKUs of the good rows of a file."""
    return [row[1] for row in read_here(content)["rows"]]


def messages(content: bytes) -> list[str]:
    """Returns the messages of the rejected cells of a file."""
    return [error[4] for error in read_here(content)["errors"]]


def replacing(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Returns the change of a part that replaces one piece by another."""
    return lambda content: content.replace(old, new)
